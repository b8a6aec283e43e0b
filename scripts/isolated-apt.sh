# An apt with package lists of its own, sourced by the scripts that fetch from Debian. It reaches the mirror that this
# machine's apt uses, in the way that this machine does (proxy, retries), and changes nothing of the machine's. The script
# that sources it defines `fail`.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The Debian entries of this machine's apt, as lines of a sources.list: type (deb or deb-src), then options for apt-get.
debian_entries() {
  local type=$1
  shift
  apt-get "$@" indextargets --format '$(ORIGIN) $(CREATED_BY) $(SITE) $(RELEASE) $(COMPONENT)' 2>>"$work/log" |
    awk -v type="$type" -v keyring="$keyring" \
      '$1 == "Debian" && $2 == "Packages" { print type, "[signed-by=" keyring "]", $3, $4, $5 }' | sort -u
}

# Type, architecture. Makes the array `apt`: the command with its options; the lists are fetched into the folder $work.
isolate_apt() {
  local type=$1 architecture=$2 own
  mkdir -p "$work"/{state/lists/partial,cache/archives/partial,own-lists/partial}
  : >"$work/state/status"
  debian_entries "$type" >"$work/sources.list"
  if [[ ! -s $work/sources.list ]]; then
    # apt knows which entry is Debian's only once it has its lists; where they were deleted, fetch them into a folder of our own.
    own=(-o "Dir::State::Lists=$work/own-lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=)
    apt-get "${own[@]}" update >>"$work/log" 2>&1 || fail 'apt-get update failed on this machine'
    debian_entries "$type" "${own[@]}" >"$work/sources.list"
  fi
  [[ -s $work/sources.list ]] || fail 'apt on this machine has no Debian entry: add one below /etc/apt/sources.list.d'
  apt=(
    apt-get -q -y -o APT::Architecture="$architecture" -o APT::Architectures="$architecture"
    -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o Dir::State="$work/state" -o Dir::State::status="$work/state/status" -o Dir::Cache="$work/cache"
    -o APT::Sandbox::User= -o Acquire::Languages=none -o APT::Install-Recommends=false -o Debug::NoLocking=true
  )
  "${apt[@]}" update >>"$work/log" 2>&1 || fail "the $type lists for $architecture could not be fetched"
}
