echo detecting
python3 detect.py --weights yolov5s.pt
