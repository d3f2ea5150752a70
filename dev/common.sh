# shellcheck shell=bash
# Functions that all steps share: messages, errors, apt, the machine's package mirror.

readonly NEEDS_A_PERSON=2

say() { printf 'setup: %s\n' "$*"; }

fail() {
	printf 'setup: %s\n' "$*" >&2
	exit 1
}

# For what this script is not permitted or able to do: the message ends with the commands to run.
stop() {
	printf 'setup: %s\n' "$*" >&2
	exit "$NEEDS_A_PERSON"
}

# Runs an external command without output; prints its last lines when it fails.
# A shell function as argument would lose `set -e` in here: give it commands.
quietly() {
	local log status=0
	log=$(mktemp)
	"$@" >"$log" 2>&1 </dev/null || status=$?
	((status == 0)) || tail -n 20 "$log" >&2
	rm -f "$log"
	return "$status"
}

is_root() { [[ $(id -u) -eq 0 ]]; }

has_apt() { command -v apt-get >/dev/null && command -v dpkg >/dev/null; }

at_least() { # at_least WANTED MAJOR.MINOR[.PATCH…]
	local wanted_major=${1%%.*} wanted_minor=${1#*.} major minor
	[[ $2 =~ ^v?([0-9]+)\.([0-9]+) ]] || return 1
	major=${BASH_REMATCH[1]} minor=${BASH_REMATCH[2]}
	((major > wanted_major || (major == wanted_major && minor >= wanted_minor)))
}

# --- apt ---------------------------------------------------------------------------------------------------------

apt_is_fresh=false

# A failing third-party source is ignored: a package that is really missing fails at the install.
refresh_apt_once() {
	"$apt_is_fresh" || quietly apt-get update -q || true
	apt_is_fresh=true
}

install_packages() {
	refresh_apt_once
	quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" ||
		fail "apt-get could not install: $*"
}

# The version that apt would install from the machine's sources, empty without one. Needs current lists.
apt_candidate() {
	apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '^(none)$' || true
}

# Address of the Debian archive that this machine uses: `debian_mirror Debian` or `debian_mirror Debian-Security`.
# Fails where there is none (Ubuntu). Needs current lists.
debian_mirror() {
	local label=$1 mirror
	# shellcheck disable=SC2016  # $(…) are apt's own fields
	mirror=$(apt-get indextargets --format '$(REPO_URI)' 'ORIGIN: Debian' "LABEL: $label" | sed -n 1p)
	[[ -n $mirror ]] && printf '%s\n' "$mirror"
}
