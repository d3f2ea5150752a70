"""The mail server's variables: each error is one line with the variable and the fix, all before anything starts."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.test_description import edited_template, template
from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.containers import Server
from tests.integration.postfix.dialogue import STARTTLS, plain
from tests.integration.postfix.lab import IDENTITY, PASSWORD, RELAY_PASSWORD, USER, WAY_OUT, Lab
from tests.integration.postfix.mails import submit
from tests.integration.stack import ROOT, Stack

GOOD = IDENTITY | {name: value for name, value in WAY_OUT.items() if name != "SMTP_RELAY_CA_FILE"}


@pytest.fixture(scope="module")
def idle(lab: Lab) -> Iterator[Server]:
    """Return a container with the image, no running server and no variables."""
    with lab.tool({}, network=lab.network) as tool:
        yield tool


def check(idle: Server, variables: dict[str, str], user: str = "root") -> tuple[int, list[str]]:
    """Run `mail-server check` and return its exit status and output."""
    status, printed = idle.container.exec_run(["mail-server", "check"], environment=variables, user=user)
    return status, printed.decode().splitlines()


def test_good_variables(idle: Server) -> None:
    """With valid variables `check` prints the original banner, and that they are valid."""
    status, lines = check(idle, GOOD)
    assert status == 0
    assert lines[:3] == ["Mail server configuration:", "-------------------------", "Hostname: mail.shop.example"]
    assert lines[-1] == "mail-server: the variables are valid"


def test_unchanged_template(idle: Server) -> None:
    """For the unchanged .env.mail each placeholder is reported."""
    status, lines = check(idle, template())
    assert status == 64
    named = {line.split(": ")[1] for line in lines[:-1]}
    assert named == {
        "MAIL_DOMAIN",
        "MAIL_HOSTNAME",
        "MAIL_PASSWORD",
        "DEFAULT_FROM",
        "FORWARD_EMAIL",
    }


def test_template_with_six_edits(idle: Server) -> None:
    """With the essential variables edited and the rest of .env.mail unchanged `check` passes with a warning."""
    status, lines = check(idle, edited_template())
    assert status == 0
    assert "Relay: (none, direct delivery by MX)" in lines
    assert [
        line for line in lines if line.startswith("mail-server: warning: SMTP_RELAY_HOST: not set: mail goes directly")
    ]


def test_template_starts_without_relay(lab: Lab) -> None:
    """The server starts with the same variables, and its log has the warning."""
    with lab.server("template.lab", variables=dict.fromkeys(WAY_OUT) | edited_template()) as server:
        assert "mail-server: warning: SMTP_RELAY_HOST: not set" in server.printed()
        assert server.run("postconf", "-hx", "relayhost").strip() == ""


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"MAIL_DOMAIN": ""}, "MAIL_DOMAIN: not set: give the domain"),
        ({"MAIL_DOMAIN": "https://shop.example"}, "MAIL_DOMAIN: 'https://shop.example' is not a domain: give a name"),
        ({"MAIL_DOMAIN": "203.0.113.7"}, "MAIL_DOMAIN: '203.0.113.7' is not a domain"),
        ({"MAIL_DOMAIN": "yourdomain.com"}, "MAIL_DOMAIN: still the template's value: give your own domain"),
        ({"MAIL_DOMAIN": '"shop.example"'}, "MAIL_DOMAIN: the value is in quotes: remove them"),
        ({"MAIL_HOSTNAME": "mail_server"}, "MAIL_HOSTNAME: 'mail_server' is not a domain"),
        ({"MAIL_USER": ""}, "MAIL_USER: not set, but MAIL_PASSWORD is: set both or neither"),
        ({"MAIL_USER": "a b"}, "MAIL_USER: only letters, digits"),
        ({"MAIL_PASSWORD": ""}, "MAIL_PASSWORD: not set, but MAIL_USER is: set both or neither"),
        ({"MAIL_PASSWORD": "your-secure-password"}, "MAIL_PASSWORD: still the template's value: choose a password"),
        ({"MAIL_PASSWORD": "a\nb"}, "MAIL_PASSWORD: the value has more than one line: keep the first"),
        (
            {"MAIL_DOMAIN": "Müller.example"},
            "MAIL_DOMAIN: 'müller.example' is an international name: write xn--mller-kva.example",
        ),
        (
            {"FORWARD_EMAIL": "me@straße.example"},
            "FORWARD_EMAIL: 'me@straße.example' has an international domain: write me@xn--strae-oqa.example",
        ),
        ({"DEFAULT_FROM": "hi"}, "DEFAULT_FROM: 'hi' is not an address: give it as name@example.org"),
        ({"FORWARD_EMAIL": "me"}, "FORWARD_EMAIL: 'me' is not an address"),
        (
            {"FORWARD_EMAIL": "me@shop.example"},
            "FORWARD_EMAIL: me@shop.example is mail for this server itself (a loop)",
        ),
        ({"FORWARD_EMAIL": "a@b.example,me@SHOP.example"}, "FORWARD_EMAIL: me@SHOP.example is mail for this server"),
        ({"FORWARD_EMAIL": "root@dinky.local"}, "FORWARD_EMAIL: root@dinky.local is mail for this server itself"),
        ({"FORWARD_RECIPIENTS": "hi@other.example"}, "FORWARD_RECIPIENTS: 'hi@other.example' is not an address of"),
        ({"FORWARD_DAILY_LIMIT": "many"}, "FORWARD_DAILY_LIMIT: 'many' is not a number"),
        ({"FORWARD_CLIENT_SHARE": "0"}, "FORWARD_CLIENT_SHARE: '0' is not a percentage: give a number from 1 to 100"),
        ({"LOCAL_DOMAINS": "shop.example"}, "LOCAL_DOMAINS: shop.example is MAIL_DOMAIN"),
        ({"LOCAL_DOMAINS": "local"}, "LOCAL_DOMAINS: 'local' is not a domain"),
        ({"SMTP_RELAY_HOST": ""}, "SMTP_RELAY_HOST: not set, but there are credentials for it"),
        (
            {"SMTP_RELAY_HOST": "relay.lab:587"},
            "SMTP_RELAY_HOST: 'relay.lab:587' is not a host name: give the name alone",
        ),
        ({"SMTP_RELAY_PORT": "0"}, "SMTP_RELAY_PORT: '0' is not a port: give a number from 1 to 65535"),
        ({"SMTP_RELAY_PORT": "65536"}, "SMTP_RELAY_PORT: '65536' is not a port"),
        ({"SMTP_RELAY_PORT": "smtp"}, "SMTP_RELAY_PORT: 'smtp' is not a port"),
        ({"SMTP_RELAY_USERNAME": ""}, "SMTP_RELAY_USERNAME: not set, but SMTP_RELAY_PASSWORD is: set both or neither"),
        (
            {"SMTP_RELAY_USERNAME": "your-gmail-address@gmail.com"},
            "SMTP_RELAY_USERNAME: still the template's value: give the account at the relay",
        ),
        ({"SMTP_RELAY_USERNAME": "a:b"}, "SMTP_RELAY_USERNAME: a colon is not possible"),
        ({"SMTP_RELAY_PASSWORD": ""}, "SMTP_RELAY_PASSWORD: not set, but SMTP_RELAY_USERNAME is"),
        (
            {"SMTP_RELAY_PASSWORD": "your-16-character-app-password"},
            "SMTP_RELAY_PASSWORD: still the template's value: give an app password",
        ),
        ({"SMTP_RELAY_CA_FILE": "ca.pem"}, "SMTP_RELAY_CA_FILE: 'ca.pem' is not an absolute path"),
        ({"SMTP_RELAY_DAILY_LIMIT": "0"}, "SMTP_RELAY_DAILY_LIMIT: '0' is not a number: give one above 0"),
        ({"USE_TLS": "maybe"}, "USE_TLS: 'maybe' is neither yes nor no"),
        (
            {"USE_TLS": "no", "SMTP_RELAY_HOST": "203.0.113.7"},
            "USE_TLS: no sends the password in the clear to 203.0.113.7",
        ),
        ({"USE_TLS": "no", "SMTP_RELAY_HOST": "smtp.invalid"}, "USE_TLS: no sends the password in the clear to smtp"),
        ({"USE_TLS": "no", "SMTP_RELAY_PORT": "465"}, "USE_TLS: no, but port 465 accepts TLS only"),
        (
            {"USE_TLS": "no", "SMTP_RELAY_TLS": "implicit", "SMTP_RELAY_PORT": "4465"},
            "USE_TLS: no, but port 4465 accepts TLS only",
        ),
        ({"SMTP_RELAY_SENDER": "bounces"}, "SMTP_RELAY_SENDER: 'bounces' is not an address"),
        ({"SMTP_RELAY_SENDER": "hi@shop.example"}, "SMTP_RELAY_SENDER: hi@shop.example is used for other mail"),
        ({"SMTP_RELAY_TLS": "ssl"}, "SMTP_RELAY_TLS: 'ssl' is not a mode: give auto, starttls or implicit"),
        (
            {"SMTP_RELAY_TLS": "starttls", "SMTP_RELAY_PORT": "2465"},
            "SMTP_RELAY_TLS: starttls, but port 2465 speaks TLS from the first byte: set SMTP_RELAY_TLS=implicit",
        ),
        (
            {"SMTP_RELAY_TLS": "implicit", "SMTP_RELAY_PORT": "587"},
            "SMTP_RELAY_TLS: implicit, but port 587 begins without TLS: set SMTP_RELAY_TLS=starttls",
        ),
        ({"TLS_VERIFY": "sometimes"}, "TLS_VERIFY: 'sometimes' is neither yes nor no"),
        ({"TLS_CERT_FILE": "/run/c.pem"}, "TLS_KEY_FILE: not set, but TLS_CERT_FILE is: set both or neither"),
        (
            {"TLS_CERT_FILE": "/run/c.pem", "TLS_KEY_FILE": "/run/k.pem"},
            "TLS_CERT_FILE: there is no readable file /run/c.pem: mount it there",
        ),
        ({"TRUSTED_NETWORKS": "10.0.0.1"}, "TRUSTED_NETWORKS: '10.0.0.1' is not a network"),
        ({"TRUSTED_NETWORKS": "10.1.2.3/16"}, "TRUSTED_NETWORKS: '10.1.2.3/16' is not a network"),
        ({"TRUSTED_NETWORKS": "0.0.0.0/0"}, "TRUSTED_NETWORKS: 0.0.0.0/0 is most of the internet"),
        ({"TRUSTED_NETWORKS": "fd00::1/64"}, "TRUSTED_NETWORKS: 'fd00::1/64' is not a network: give it as"),
        ({"TRUSTED_NETWORKS": "2000::/3"}, "TRUSTED_NETWORKS: 2000::/3 is most of the internet"),
        ({"TRUSTED_NETWORKS": "fd00::/64"}, "TRUSTED_NETWORKS: fd00::/64 is IPv6, which is off: set INET_PROTOCOLS"),
        ({"INET_PROTOCOLS": "ipv6"}, "INET_PROTOCOLS: 'ipv6' is neither ipv4 nor all: give one of them"),
        (
            {"INET_PROTOCOLS": "all"},
            "INET_PROTOCOLS: all, but this container has no IPv6 address: give one of its networks enable_ipv6: true",
        ),
        ({"MESSAGE_SIZE_LIMIT": "25M"}, "MESSAGE_SIZE_LIMIT: '25M' is not a number"),
        ({"MESSAGE_SIZE_LIMIT": "5000"}, "MESSAGE_SIZE_LIMIT: 5000 leaves no room for a bounce: give at least 100000"),
        ({"RELAY_RATE_DELAY": "soon"}, "RELAY_RATE_DELAY: 'soon' is not a time: give a number and s, m, h, d or w"),
        ({"QUEUE_RUN_DELAY": "-1s"}, "QUEUE_RUN_DELAY: '-1s' is not a time"),
        ({"MAIL_LOG_ADDRESSES": "none"}, "MAIL_LOG_ADDRESSES: 'none' is neither masked nor full"),
        ({"MAIL_LOG_KEEP": "0"}, "MAIL_LOG_KEEP: '0' is not a number: give one above 0"),
        ({"MAIL_LOG_ROTATE_AGE": "daily"}, "MAIL_LOG_ROTATE_AGE: 'daily' is not a time"),
        ({"QUEUE_LISTEN_NAME": "a b"}, "QUEUE_LISTEN_NAME: 'a b' is not a host name"),
        (
            {"MAIL_PASSWORD_FILE": "/run/secrets/p"},
            "MAIL_PASSWORD_FILE: MAIL_PASSWORD is set as well: keep one of the two",
        ),
        (
            {"MAIL_PASSWORD": "", "MAIL_PASSWORD_FILE": "/run/secrets/none"},
            "MAIL_PASSWORD_FILE: there is no readable file /run/secrets/none: mount the secret there",
        ),
    ],
    ids=lambda value: (
        ",".join(f"{name}={text}"[:40] for name, text in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_invalid_variable(idle: Server, variables: dict[str, str], line: str) -> None:
    """An error is one line with the variable's name and the fix, and the output has no password."""
    status, lines = check(idle, GOOD | variables)
    assert status == 64
    assert [one for one in lines if one.startswith(f"mail-server: {line}")], lines
    assert PASSWORD not in "".join(lines)
    assert RELAY_PASSWORD not in "".join(lines)


@pytest.mark.parametrize(
    ("variables", "fix"),
    [
        ({"MAIL_PASSWORD": "", "MAIL_PASSWORD_FILE": "/root/password"}, "mount the secret there"),
        ({"TLS_CERT_FILE": "/root/c.pem", "TLS_KEY_FILE": "/root/k.pem"}, "mount it there"),
    ],
    ids=["secret", "certificate"],
)
def test_file_of_another_label(idle: Server, variables: dict[str, str], fix: str) -> None:
    """A file that may not be read is reported with SELinux as the likely reason (here: an ordinary user reads it)."""
    name = next(name for name in variables if name.endswith("_FILE"))
    status, lines = check(idle, GOOD | variables, user="nobody")
    assert status == 64
    reason = f"permission denied for {variables[name]} (with SELinux a mount needs :z, docs/troubleshooting.md#selinux)"
    assert f"mail-server: {name}: {reason}: {fix}" in lines


def test_several_invalid_variables(lab: Lab) -> None:
    """A container with several errors reports all of them, exits with 64, and has started and written nothing."""
    wrong = {"MAIL_DOMAIN": "x", "SMTP_RELAY_PORT": "0", "USE_TLS": "maybe", "MAIL_LOG_KEEP": "no", "MAIL_USER": ""}
    with lab.volume("untouched") as volume:
        with lab.build("wrong.lab", variables=wrong, volumes={volume: "/var/lib/postfix"}) as started:
            container = started.get_wrapped_container()
            assert container.wait()["StatusCode"] == 64
            printed = container.logs().decode()
        with lab.tool({volume: "/untouched"}) as tool:
            assert tool.run("sh", "-c", "ls /untouched | grep -v '\\.db$' || true").split() == []
    assert {line.split(": ")[1] for line in printed.splitlines()[:-1]} >= set(wrong)
    assert printed.splitlines()[-1].startswith("mail-server: not started, ")
    assert "daemon started" not in printed


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        pytest.param("  shop.example\r", "shop.example", id="blanks and a carriage return"),
        pytest.param("SHOP.Example", "shop.example", id="capitals"),
    ],
)
def test_corrected_values(idle: Server, written: str, meant: str) -> None:
    """Blanks, carriage returns and capitals are corrected without a message."""
    status, lines = check(idle, GOOD | {"MAIL_DOMAIN": written})
    assert status == 0
    assert f"Domain: {meant}" in lines


@contextmanager
def secrets(folder: Path, **values: str) -> Iterator[dict[str, str]]:
    """Write secrets into a folder and yield the variables with their paths in /run/secrets."""
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")
        (folder / name).chmod(0o600)
    yield {f"{name}_FILE": f"/run/secrets/{name}" for name in values}


def test_secrets_in_files(lab: Lab, subject: str, tmp_path: Path) -> None:
    """Passwords in files work, with a `$` or with an app password's spaces, and are not shown anywhere."""
    password = "pa$$w'o\"rd $HOME"
    with_spaces = "sand boxa pppa sswd"
    with secrets(tmp_path, MAIL_PASSWORD=password, SMTP_RELAY_PASSWORD=with_spaces) as named:
        variables = {"MAIL_PASSWORD": None, "SMTP_RELAY_PASSWORD": None} | named
        with lab.server("secret.lab", variables=variables, volumes={str(tmp_path): "/run/secrets"}) as server:
            answers = server.talk(587, HELLO, STARTTLS, HELLO, plain(USER, password))
            assert answers[4] == "235 2.7.0 Authentication successful"
            submit(server, subject)
            lab.relay.received(subject)
            inspected = json.dumps(lab.docker.api.inspect_container(server.container.id))
            places = {
                "docker inspect": inspected,
                "the log": server.log() + server.printed(),
                "process arguments": json.dumps(server.container.top(ps_args="-eo pid,args")),
                "postconf": server.run("postconf", "-n") + server.run("postconf", "-M"),
            }
    for place, text in places.items():
        assert password not in text, place
        assert RELAY_PASSWORD not in text, place
        assert with_spaces not in text, place


def test_passwords_are_not_shown(server: Server) -> None:
    """Passwords in variables are not shown in the log, in process arguments or by `postconf -n`."""
    seen = server.log() + server.printed() + server.run("postconf", "-n")
    seen += json.dumps(server.container.top(ps_args="-eo pid,args"))
    seen += server.run("sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null || true")  # processes end meanwhile
    assert PASSWORD not in seen
    assert RELAY_PASSWORD not in seen
    assert server.run("stat", "-c", "%a %U", "/etc/postfix/relay_credentials").strip() == "600 root"
    assert server.run("stat", "-c", "%a %U:%G", "/etc/postfix/sasl/users").strip() == "640 root:postfix"


def run_in_service(stack: Stack, env_file: Path, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a new container of the service, with an additional env file."""
    (env_file.parent / "secrets").mkdir(exist_ok=True)
    env_file.write_text("".join(f"{name}={value}\n" for name, value in more.items()))
    compose = [*stack.compose.compose_command_property, "--env-file", str(env_file)]
    compose += ["run", "--rm", "--no-deps", "--quiet-pull", "mail-server", *command]
    return subprocess.run(compose, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - stands above


def test_check_through_compose(stack: Stack, tmp_path: Path) -> None:
    """`docker compose run --rm mail-server check` reports valid and invalid variables."""
    good = run_in_service(stack, tmp_path / "env", "check")
    assert good.returncode == 0, good.stderr
    assert good.stdout.endswith("mail-server: the variables are valid\n")
    bad = run_in_service(stack, tmp_path / "env", "check", SMTP_RELAY_PORT="0", MAIL_PASSWORD="your-secure-password")
    assert bad.returncode == 64
    assert "SMTP_RELAY_PORT: '0' is not a port" in bad.stderr + bad.stdout
    assert "MAIL_PASSWORD: still the template's value" in bad.stderr + bad.stdout


@pytest.mark.parametrize(
    "written",
    [pytest.param("pa$$word$$x", id="two dollars"), pytest.param("'pa$word$x'", id="single quotes")],
)
def test_dollar_in_a_password(stack: Stack, tmp_path: Path, written: str) -> None:
    """A `$` in .env.mail.prod is escaped as .env.mail explains, and the server gets a single one."""
    found = run_in_service(stack, tmp_path / "env", "printenv", "MAIL_PASSWORD", MAIL_PASSWORD=written)
    assert found.stdout.splitlines()[-1] == "pa$word$x"


def test_secrets_folder(stack: Stack, tmp_path: Path) -> None:
    """A file in SECRETS_DIR is read by NAME_FILE."""
    with secrets(tmp_path, MAIL_PASSWORD="pa$word") as named:
        more = {"MAIL_PASSWORD": "", "SECRETS_DIR": str(tmp_path)} | named
        done = run_in_service(stack, tmp_path / "env", "check", **more)
        assert done.returncode == 0, done.stderr + done.stdout


def test_missing_secrets_folder(stack: Stack, tmp_path: Path) -> None:
    """A secret in a SECRETS_DIR that does not exist, which Docker creates, is an error that names the variable."""
    more = {"MAIL_PASSWORD": "", "MAIL_PASSWORD_FILE": "/run/secrets/none", "SECRETS_DIR": str(tmp_path / "none")}
    done = run_in_service(stack, tmp_path / "env", "check", **more)
    assert done.returncode == 64
    empty = "its folder is empty (Docker creates a SECRETS_DIR that does not exist): mount the secret there"
    assert f"MAIL_PASSWORD_FILE: there is no file /run/secrets/none, and {empty}" in done.stderr + done.stdout
