# shellcheck shell=bash
# Installs and starts a Docker engine.

readonly ENGINE_LOG=/var/log/dockerd.log
readonly ENGINE_START_SECONDS=60

# Not `docker info`: in older clients it exits with 0 although no engine answered.
engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

ensure_engine() {
	engine_answers && return
	refuse_if_socket_is_forbidden
	refuse_if_engine_is_elsewhere
	# Not `command -v docker`: it can be a client without an engine.
	command -v dockerd >/dev/null || install_engine
	engine_answers || start_engine
}

refuse_if_socket_is_forbidden() {
	local reply
	reply=$(docker version 2>&1 || true)
	[[ $reply != *"permission denied"* ]] || stop "Docker runs, but this user has no permission to use it. Grant it, then log in again:
    sudo usermod -aG docker $(id -un)
    newgrp docker"
}

# A remote, rootless or desktop engine is not started from here.
refuse_if_engine_is_elsewhere() {
	local where=${DOCKER_HOST:-}
	[[ -n $where ]] || where=$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || true)
	case $where in
	'' | unix:///var/run/docker.sock | unix:///run/docker.sock) ;;
	*) stop "no Docker engine answers at $where. Start it, or choose the local one:
    unset DOCKER_HOST; docker context use default" ;;
	esac
}

install_engine() {
	[[ $(uname -s) == Linux ]] || stop "no Docker engine answers. Start Docker Desktop (or install it), then run this again."
	has_apt || stop "no Docker engine, and this script can install one only with apt. Install the packages of your system:
    Docker engine, Docker Compose (2.24 or newer), Docker Buildx
and run this again."
	is_root || stop "no Docker engine. As root:
    sudo dev/setup
or
    sudo apt-get update && sudo apt-get install docker.io iptables"
	say "installing the Docker engine with apt (about 30 s)"
	install_packages docker.io iptables
	# Newer Debian ships the client apart.
	command -v docker >/dev/null || install_packages docker-cli
	hash -r
}

start_engine() {
	is_root || stop "the Docker engine is installed but does not run. Start it:
    sudo systemctl start docker
or, where systemd does not run:
    sudo dev/setup"
	say "starting the Docker engine"
	if [[ -d /run/systemd/system ]]; then
		quietly systemctl start docker || fail "systemctl could not start docker: journalctl -u docker"
		wait_for_engine "journalctl -u docker" || fail "the Docker engine does not answer: journalctl -u docker"
	else
		start_engine_without_systemd
	fi
}

start_engine_without_systemd() {
	local pid
	forget_dead_engine
	if pid=$(live_pid /var/run/docker.pid dockerd); then
		say "an engine (process $pid) is starting already; waiting for it"
	else
		# One log for each start, so that a failure shows the lines of this start.
		[[ ! -e $ENGINE_LOG ]] || mv -f "$ENGINE_LOG" "$ENGINE_LOG.1"
		# In a new session, so that it runs on without the terminal; without the lock's file, so that the lock is released.
		setsid dockerd >"$ENGINE_LOG" 2>&1 </dev/null 9>&- &
		pid=$!
	fi
	wait_for_engine "$pid" || {
		tail -n 20 "$ENGINE_LOG" >&2 || true
		fail "the Docker engine did not start; above, the end of $ENGINE_LOG"
	}
}

# After a power failure, or on a restored copy, the pid files of the old engine remain. Another process can have the same
# id, which dockerd would take for a running engine (or containerd), and exit.
forget_dead_engine() {
	local containerd=/var/run/docker/containerd
	live_pid /var/run/docker.pid dockerd >/dev/null || rm -f /var/run/docker.pid
	live_pid "$containerd/containerd.pid" containerd >/dev/null ||
		rm -f "$containerd/containerd.pid" "$containerd"/containerd*.sock
	# The system's containerd has a socket only.
	runs containerd || rm -f /run/containerd/containerd.sock
}

live_pid() { # live_pid FILE NAME: prints the process id in FILE if that process is NAME
	local pid
	pid=$(cat "$1" 2>/dev/null) && [[ $pid =~ ^[0-9]+$ ]] && is_alive "/proc/$pid" "$2" && printf '%s\n' "$pid"
}

# A killed process without a wait by its parent keeps its id and name, as a zombie.
is_alive() { # is_alive /proc/PID NAME
	[[ $(cat "$1/comm" 2>/dev/null) == "$2" ]] && ! grep -qs '^State:[[:space:]]*[ZX]' "$1/status"
}

runs() {
	local process
	for process in /proc/[0-9]*; do ! is_alive "$process" "$1" || return 0; done
	return 1
}

# Fails early when the process (if its id is given) has ended.
wait_for_engine() {
	local deadline=$((SECONDS + ENGINE_START_SECONDS))
	until engine_answers; do
		((SECONDS < deadline)) || return 1
		if [[ $1 =~ ^[0-9]+$ ]] && ! kill -0 "$1" 2>/dev/null; then return 1; fi
		sleep 0.2
	done
}
