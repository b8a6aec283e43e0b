# Sourced by the board's scripts (busybox sh). Functions without side effects come first; the tests run them on the host.
# RINGDOWN_ROOT stands in front of every path outside /data and /run, for the tests.

# Next delay in ms before a service that ended is started again: 200 ms first, doubling to 30 s, from the start again
# once it ran for a minute. back_off_ms PREVIOUS_MS RAN_SECONDS
back_off_ms() {
  if [ "$1" -eq 0 ] || [ "$2" -ge 60 ]; then
    echo 200
  elif [ "$1" -ge 15000 ]; then
    echo 30000
  else
    echo $(($1 * 2))
  fi
}

# The value of NAME=value among the kernel's parameters, nothing when it is not there. kernel_parameter NAME CMDLINE
kernel_parameter() {
  for word in $2; do
    case $word in
      "$1="*) echo "${word#*=}" ;;
    esac
  done
}

# A unique local prefix (RFC 4193 §3.2: fd and 40 random bits) from five bytes in hex, as RFC 5952 writes it. ula_prefix "01 02 03 04 05"
ula_prefix() {
  set -- $1
  echo "fd$1:$2$3:$4$5" | sed 's/:0\{1,3\}\([0-9a-f]\)/:\1/g'
}

# Whether a kept prefix is one that ula_prefix makes.
is_ula_prefix() {
  case $1 in *[!0-9a-f:]*) return 1 ;; esac
  echo "$1" | grep -Eqx 'fd[0-9a-f]{2}(:(0|[1-9a-f][0-9a-f]{0,3})){2}'
}

# Seconds since the machine started.
uptime_seconds() {
  read -r seconds rest <"${RINGDOWN_ROOT:-}/proc/uptime"
  echo "${seconds%.*}"
}

# Device of the partition with this GPT name, nothing when there is none. partition_device NAME
partition_device() {
  for event in "${RINGDOWN_ROOT:-}"/sys/class/block/*/uevent; do
    [ -f "$event" ] || continue
    while read -r line; do
      if [ "$line" = "PARTNAME=$1" ]; then
        event=${event%/uevent}
        echo "/dev/${event##*/}"
        return
      fi
    done <"$event"
  done
}

# What a service calls when it starts, so that its back-off knows how long it ran.
note_start() {
  mkdir -p /run/board/started
  uptime_seconds >"/run/board/started/$1"
}

# What a service's finish script calls: waits before the supervisor starts it again.
# back_off SERVICE EXIT_STATUS SIGNAL; EXIT_STATUS is -1 when a signal ended it.
back_off() {
  if [ -e /run/board/stopping ]; then return; fi
  mkdir -p /run/board/delay
  previous=0 started=0
  if [ -f "/run/board/delay/$1" ]; then read -r previous <"/run/board/delay/$1"; fi
  if [ -f "/run/board/started/$1" ]; then read -r started <"/run/board/started/$1"; fi
  delay=$(back_off_ms "$previous" $(($(uptime_seconds) - started)))
  echo "$delay" >"/run/board/delay/$1"
  if [ "$2" -ge 0 ]; then reason="status $2"; else reason="signal $3"; fi
  echo "board: $1 ended with $reason, starts again in $delay ms" >&2
  sleep "$((delay / 1000)).$(printf %03d $((delay % 1000)))"
}
