#!/bin/sh
echo compiling
sleep 0.1
echo "main.c:3: no such thing" >&2
exit 2
