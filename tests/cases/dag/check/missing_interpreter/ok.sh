#!/usr/local/bin/python2.7
print "x"
