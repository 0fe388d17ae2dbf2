exit $1
