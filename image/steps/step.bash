# Sourced by every step of the image build: where things are, what a step prints, and when it has nothing to do.
# A step skips when a hash over its inputs is the one it noted beside its output the last time it finished.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${RINGDOWN_BUILD:-$top/build}
step_name=$(basename "$0")
step_begin=$SECONDS

say() { printf '%-8s %s\n' "$step_name" "$*"; }

fail() {
  printf '%s: %s\n' "$step_name" "$*" >&2
  exit 1
}

# The packages themselves are installed by scripts/install-host-packages; a step only says which program it misses.
need_programs() {
  local program
  for program in "$@"; do
    command -v "$program" >/dev/null || fail "$program is missing: run scripts/install-host-packages"
  done
}

# hash_inputs [WORD|FILE|FOLDER]...: one hash over words, the content and mode of files, and whole folders. The calling step is always in it.
hash_inputs() {
  local input
  for input in "$0" "${BASH_SOURCE[0]}" "$@"; do
    if [[ -d $input ]]; then
      (cd "$input" && find . \( -type f -printf '%P %m\n' \) -o -printf '%P %y %l\n' | LC_ALL=C sort)
      (cd "$input" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum)
    elif [[ -f $input ]]; then
      stat -c %a "$input"
      sha256sum <"$input"
    else
      printf '%s\n' "$input"
    fi
  done | sha256sum | cut -d' ' -f1
}

# skip_if_current OUTPUT HASH: ends the step when OUTPUT is there and was made from inputs with this hash; else forgets the old note.
skip_if_current() {
  if [[ -e $1 && -f $1.inputs && $(<"$1.inputs") == "$2" ]]; then
    say "up to date"
    exit 0
  fi
  rm -f "$1.inputs"
}

# note_current OUTPUT HASH: the step's last line.
note_current() {
  printf '%s\n' "$2" >"$1.inputs"
  say "done in $((SECONDS - step_begin)) s: ${1#"$top"/}"
}

# Lines of a list without comments and blanks.
read_list() { sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' "$@"; }

# Copies standard input to the file LOG and shows on the terminal how many lines there are so far, every few seconds.
show_progress() {
  local log=$1 what=$2 lines=0 shown=$SECONDS line
  : >"$log"
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    ((++lines))
    if ((SECONDS - shown >= 10)); then
      say "$lines $what, $((SECONDS - step_begin)) s"
      shown=$SECONDS
    fi
  done
}

# One fixed time for everything in the image, so that the same inputs give the same bytes.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1767225600}
export LC_ALL=C TZ=UTC
