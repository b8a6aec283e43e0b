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

# Whether a text is a number from LOW to HIGH, as one writes it. is_number TEXT LOW HIGH
is_number() {
  case $1 in '' | *[!0-9]* | 0?* | ????*) return 1 ;; esac
  [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

# Whether a host can have this IPv4 address with prefix length: no loopback, multicast or reserved one (RFC 6890), and
# neither the first nor the last of its subnet.
is_ipv4_host() {
  case $1 in
    *[!0-9./]* | */*/* | .* | *..* | *./* | *.*.*.*.*) return 1 ;;
    *.*.*.*/*) ;;
    *) return 1 ;;
  esac
  length=${1#*/}
  is_number "$length" 1 32 || return 1
  value=0
  for octet in $(echo "${1%/*}" | tr . ' '); do
    is_number "$octet" 0 255 || return 1
    value=$((value * 256 + octet))
  done
  case ${1%%.*} in 0 | 127 | 22[4-9] | 2[3-5]?) return 1 ;; esac
  [ "$length" -lt 31 ] || return 0
  all_hosts=$(((1 << (32 - length)) - 1))
  [ $((value & all_hosts)) -ne 0 ] && [ $((value & all_hosts)) -ne "$all_hosts" ]
}

# Whether a host can have this IPv6 address with prefix length, in lower case: none of 0000::/16, where loopback and
# embedded IPv4 addresses are, no multicast, no link-local one, which each interface has by itself.
is_ipv6_host() {
  case $1 in
    *[!0-9a-f:/]* | */*/* | *:/* | *:::* | *::*::*) return 1 ;;
    :* | 0:* | 00:* | 000:* | 0000:* | ff??:* | fe[89ab]?:*) return 1 ;;
    *:*/*) ;;
    *) return 1 ;;
  esac
  is_number "${1#*/}" 1 128 || return 1
  groups=0
  for group in $(echo "${1%/*}" | tr : ' '); do
    case $group in ?????*) return 1 ;; esac
    groups=$((groups + 1))
  done
  # RFC 4291 §2.2: two colons stand for the groups of zeros that are left out.
  case $1 in
    *::*) [ "$groups" -le 7 ] ;;
    *) [ "$groups" -eq 8 ] ;;
  esac
}

# Interface of a LAN. lan_device LAN
lan_device() {
  case $1 in
    lan1) echo eth0 ;;
    lan2) echo eth1 ;;
  esac
}

# What a LAN has until somebody asks for something else. lan_default LAN
lan_default() {
  case $1 in
    lan1) echo "lan1 192.168.42.1/24 ula" ;;
    lan2) echo "lan2 192.168.43.1/24 ula" ;;
  esac
}

# The addresses of a request `LAN ADDRESS/LENGTH...`, on one line: one to five, at most one of them IPv4, and `ula` for
# the one of the box's own prefix. Fails, without a word, for whatever else. lan_addresses REQUEST ULA_PREFIX
lan_addresses() {
  case $1 in *[!0-9a-z.:/\ ]* | ' '* | *' ' | *'  '*) return 1 ;; esac
  own=$2
  # shellcheck disable=SC2086 # one word each
  set -- $1
  case ${1:-} in
    lan1) own=$own:42::1/64 ;;
    lan2) own=$own:43::1/64 ;;
    *) return 1 ;;
  esac
  shift
  ipv4=0 ipv6=0 found=
  for address in "$@"; do
    if [ "$address" = ula ]; then address=$own; fi
    case " $found " in *" $address "*) return 1 ;; esac
    if is_ipv4_host "$address"; then
      ipv4=$((ipv4 + 1))
    elif is_ipv6_host "$address"; then
      ipv6=$((ipv6 + 1))
    else
      return 1
    fi
    found="${found:+$found }$address"
  done
  [ $((ipv4 + ipv6)) -gt 0 ] && [ "$ipv4" -le 1 ] && [ "$ipv6" -le 4 ] || return 1
  echo "$found"
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
