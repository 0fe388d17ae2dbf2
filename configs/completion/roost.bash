# Completion for Roost's programs in bash. Installed under the name of each of them where
# bash-completion looks; without that package: source this file in ~/.bashrc.

# Words that begin with what has been typed: _roost_words "LIST"
_roost_words() {
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# File names; _roost_files GLOB limits them to those that match, folders always.
_roost_files() {
  compopt -o filenames 2>/dev/null
  if [ $# -gt 0 ]; then
    mapfile -t COMPREPLY < <(compgen -d -- "$cur"; compgen -f -X "!$1" -- "$cur")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$cur")
  fi
}

_roost_yolo_detect() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  case $prev in
    --weights) _roost_files '*[.i]pt' ;;
    --data | --cfg) _roost_files '*.y*ml' ;;
    --project | --out) _roost_files ;;
    --device) _roost_words "cpu 0" ;;
    --color) _roost_words "auto always never" ;;
    --imgsz | --img | --img-size) _roost_words "320 640 1280" ;;
    --conf-thres | --iou-thres | --max-det | --classes | --threads | --workers | --batch-size | --name | \
      --line-thickness | --vid-stride | --shard | --max-time)
      COMPREPLY=()
      ;;
    *)
      case $cur in
        -*)
          _roost_words "--weights --source --recursive --shard --vid-stride --data --cfg --imgsz --img --img-size
            --conf-thres --iou-thres --max-det --classes --agnostic-nms --augment --device --half --batch-size
            --threads --workers --save-txt --save-conf --save-empty --save-crop --save-csv --save-json --nosave
            --view-img --visualize --project --name --exist-ok --out --line-thickness --hide-labels --hide-conf
            --retina-masks --resume --max-time --strict --json --quiet --profile --color --help --version"
          ;;
        *)
          _roost_files
          if [ "$COMP_CWORD" -eq 1 ] && [[ info == "$cur"* ]]; then COMPREPLY+=(info); fi
          ;;
      esac
      ;;
  esac
}

_roost_yolo_val() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  case $prev in
    --weights) _roost_files '*[.i]pt' ;;
    --data) _roost_files '*.y*ml' ;;
    --annotations) _roost_files '*.json' ;;
    --project | --out) _roost_files ;;
    --task) _roost_words "train val test speed" ;;
    --device) _roost_words "cpu 0" ;;
    --color) _roost_words "auto always never" ;;
    --imgsz | --img | --img-size) _roost_words "320 640 1280" ;;
    --conf-thres | --iou-thres | --max-det | --threads | --workers | --batch-size | --name) COMPREPLY=() ;;
    *)
      _roost_words "--data --weights --task --single-cls --annotations --imgsz --img --img-size --batch-size --no-rect
        --conf-thres --iou-thres --max-det --augment --device --half --threads --workers --verbose --save-txt
        --save-hybrid --save-conf --save-json --no-plots --project --name --exist-ok --out --strict --json --quiet
        --color --help --version"
      ;;
  esac
}

# Options of a run: as dagrun_options.cc has them
_roost_dagrun_options="-maxjobs -maxidle -maxpre -maxpost -maxhold -force -f -AutoRescue -DoRescueFrom -RescueFile
  -load_save -DoRecovery -AlwaysRunPost -DontAlwaysRunPost -Priority -UseDagDir -SubmitMethod
  -config -insert_env -batch-name -DryRun --cpus --memory --gpus --quiet -q -verbose -v --json
  --color --report --node-status-file -outfile_dir --help -h --version --submitter-files
  -no_submit -update_submit -append -a -insert_sub_file -import_env -include_env -notification
  -suppress_notification -dont_suppress_notification -debug -dagman -AllowVersionMismatch -remote
  -r -schedd-daemon-ad-file -schedd-address-file -do_recurse -no_recurse -batch-id -valgrind"
# End of the options of a run

# The commands beside the run itself, with their options.
declare -A _roost_dagrun_commands=(
  [check]="--json --help"
  [expand]="--format --help"
  [graph]="--format --output --help"
  [status]="--all --json --watch --help"
  [logs]="--stdout --stderr --events --attempt --proc --follow --help"
  [report]="--output --help"
  [hold]="--reason --help"
  [release]="--reason --help"
  [rm]="--reason --help"
  [halt]="--resume --help"
)

# Names of nodes, as far as the DAG file itself has them.
_roost_dagrun_nodes() {
  local names
  names=$(awk 'toupper($1) ~ /^(JOB|FINAL|SERVICE|PROVISIONER)$/ { print $2 }
               toupper($1) == "SUBDAG" { print $3 }' "$1" 2>/dev/null)
  _roost_words "$names"
}

_roost_dagrun_command() {
  local command=${COMP_WORDS[1]}
  case $prev in
    --format)
      if [ "$command" = graph ]; then _roost_words "dot svg"; else _roost_words "text json sh"; fi
      ;;
    -o | --output) _roost_files ;;
    --attempt | --proc | --reason) COMPREPLY=() ;;
    *)
      if [[ $cur == -* ]]; then
        _roost_words "${_roost_dagrun_commands[$command]}"
      elif [[ $command =~ ^(expand|logs|hold|release|rm)$ && $prev == *.dag ]]; then
        _roost_dagrun_nodes "$prev"
      else
        _roost_files '*.dag'
      fi
      ;;
  esac
}

_roost_dagrun() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  if [ "$COMP_CWORD" -gt 1 ] && [ -n "${_roost_dagrun_commands[${COMP_WORDS[1]}]-}" ]; then
    _roost_dagrun_command
    return
  fi
  case $prev in
    -AutoRescue | -SubmitMethod) _roost_words "0 1" ;;
    --color) _roost_words "auto always never" ;;
    --node-status-file | --report | -config | -RescueFile | -load_save | -outfile_dir | -insert_sub_file) _roost_files ;;
    -maxjobs | -maxidle | -maxpre | -maxpost | -maxhold | -DoRescueFrom | -Priority | -batch-name | -insert_env | \
      -include_env | -append | -a | --cpus | --memory | --gpus)
      COMPREPLY=()
      ;;
    *)
      case $cur in
        -*)
          _roost_words "$_roost_dagrun_options"
          ;;
        *)
          _roost_files '*.dag'
          if [ "$COMP_CWORD" -eq 1 ]; then
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "${!_roost_dagrun_commands[*]}" -- "$cur")
          fi
          ;;
      esac
      ;;
  esac
}

_roost_yolo_upload() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  # bash splits "folder:/mnt" into "folder", ":" and "/mnt" (COMP_WORDBREAKS).
  if [ "$prev" = : ] && [ "${COMP_WORDS[COMP_CWORD - 2]}" = folder ]; then
    _roost_files
  elif [ "$cur" = : ] && [ "$prev" = folder ]; then
    cur=
    _roost_files
  else
    case $prev in
      --to)
        _roost_words "folder:"
        compopt -o nospace 2>/dev/null
        ;;
      --manifest) _roost_files ;;
      --include | --exclude) COMPREPLY=() ;;
      *)
        case $cur in
          -*)
            _roost_words "--to --include --exclude --manifest --delete-after-verify --dry-run --json --quiet --help
              --version"
            ;;
          *) _roost_files ;;
        esac
        ;;
    esac
  fi
}

_roost_make_signs() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  case $prev in
    --out) _roost_files ;;
    --size) _roost_words "320 640 1280" ;;
    --count-train | --count-val | --count-test | --seed | --background-fraction | --quality | --workers) COMPREPLY=() ;;
    *)
      _roost_words "--out --count-train --count-val --count-test --seed --size --background-fraction --quality
        --workers --quiet --help --version"
      ;;
  esac
}

_roost_yolo_train() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  case $prev in
    --weights | --resume) _roost_files '*.pt' ;;
    --data | --cfg | --hyp) _roost_files '*.y*ml' ;;
    --project) _roost_files ;;
    --cache) _roost_words "ram disk" ;;
    --optimizer) _roost_words "SGD Adam AdamW" ;;
    --device) _roost_words "cpu 0" ;;
    --color) _roost_words "auto always never" ;;
    --imgsz | --img | --img-size) _roost_words "320 640 1280" ;;
    --epochs | --batch-size | --workers | --threads | --nproc | --name | --seed | --patience | --save-period | \
      --label-smoothing | --freeze)
      COMPREPLY=()
      ;;
    *)
      _roost_words "--weights --cfg --data --hyp --epochs --batch-size --imgsz --rect --resume --nosave --noval --noautoanchor
        --noplots --cache --image-weights --device --multi-scale --single-cls --optimizer --sync-bn --workers
        --project --name --exist-ok --cos-lr --label-smoothing --patience --freeze --save-period --seed --threads
        --nproc --json --quiet --color --version --help --img --img-size"
      ;;
  esac
}

complete -F _roost_make_signs make-signs
complete -F _roost_yolo_detect yolo-detect
complete -F _roost_yolo_val yolo-val
complete -F _roost_yolo_train yolo-train
complete -F _roost_dagrun dagrun
complete -F _roost_yolo_upload yolo-upload
