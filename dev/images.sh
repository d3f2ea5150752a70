# shellcheck shell=bash
# Images: pulled from a registry, or built from Debian packages without one.

readonly BASE_IMAGE=debian:trixie-slim
readonly STAND_INS=$HERE/stand-ins
readonly STAND_IN_TABLE=$STAND_INS/images.txt
# The engine has a time limit of about 15 s for a registry without an answer; this one is for a slow one.
readonly PULL_SECONDS=300

have_image() { docker image inspect "$1" >/dev/null 2>&1; }

pull_image() {
	say "pulling $1"
	bounded "$PULL_SECONDS" docker pull -q "$1" >/dev/null 2>&1
}

# macOS has no timeout(1).
bounded() {
	if command -v timeout >/dev/null; then timeout "$@"; else "${@:2}"; fi
}

ensure_base_image() {
	have_image "$BASE_IMAGE" || pull_image "$BASE_IMAGE" || bootstrap_base_image
}

listed_images() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$STAND_IN_TABLE" | awk '{print $1}'; }

stand_in_for() { # stand_in_for IMAGE: its folder, then the suites
	awk -v image="$1" '$1 == image {$1 = ""; print}' "$STAND_IN_TABLE"
}

ensure_image() {
	local image=$1 folder suites
	! have_image "$image" || return 0
	! pull_image "$image" || return 0
	read -r folder suites < <(stand_in_for "$image") ||
		fail "$image cannot be pulled, and $STAND_IN_TABLE names no stand-in for it"
	build_stand_in "$image" "$STAND_INS/$folder" "$suites"
}

build_stand_in() { # build_stand_in IMAGE FOLDER SUITES
	local suite
	for suite in $3; do
		say "no registry: building a stand-in for $1 from Debian $suite (about 30 s)"
		quietly docker build --build-arg "SUITE=$suite" --label dev.dinky-mail.stand-in=true --tag "$1" "$2" && return
	done
	fail "could not build the stand-in for $1; above, the end of the build"
}
