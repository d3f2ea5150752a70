"""Relay permissions by port and network."""

from collections.abc import Iterator

import pytest
from docker.types.networks import IPAMConfig, IPAMPool
from testcontainers.core.network import Network

from tests.integration.postfix.battery import HELLO
from tests.integration.postfix.containers import Probe, Relay, Server
from tests.integration.postfix.dialogue import STARTTLS, plain
from tests.integration.postfix.lab import DOMAIN, OWNER, PASSWORD, USER, Lab
from tests.integration.postfix.mails import EXTERNAL_RECIPIENT, mail
from tests.integration.stack import until

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LOGIN = (HELLO, STARTTLS, HELLO, plain(USER, PASSWORD))


def test_container_relays_without_login(lab: Lab, server: Server, relay: Relay, subject: str) -> None:
    """A container on a joined network sends to any recipient through port 25 without a login."""
    lab.probe.talk("mail.lab", 25, HELLO, *mail(subject, sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT))
    received = relay.received(subject)
    assert received["recipients"] == [EXTERNAL_RECIPIENT]
    assert "postfix/internal/smtpd" in server.wait_for_log(received["message_id"])


def test_login_relays(server: Server, relay: Relay, subject: str) -> None:
    """A client with MAIL_USER's password sends to any recipient through port 587, with a sender of MAIL_DOMAIN."""
    server.talk(587, *LOGIN, *mail(subject, sender=f"shop@{DOMAIN}", recipient=EXTERNAL_RECIPIENT))
    received = relay.received(subject)
    assert received["sender"] == f"shop@{DOMAIN}"
    server.wait_for_log(f"sasl_method=PLAIN, sasl_username={USER}@{DOMAIN}")


def test_login_with_the_whole_address(server: Server, relay: Relay, subject: str) -> None:
    """The user name MAIL_USER@MAIL_DOMAIN is the same login."""
    login = (HELLO, STARTTLS, HELLO, plain(f"{USER}@{DOMAIN}", PASSWORD))
    server.talk(587, *login, *mail(subject, sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT))
    assert relay.received(subject)["sender"] == f"hi@{DOMAIN}"


def test_public_port_does_not_relay(lab: Lab, server: Server) -> None:
    """The public port does not relay, whatever network the client is on."""
    answers = lab.probe.talk("mail.lab", 2525, HELLO, *mail("no", sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT))
    assert answers[3] == f"554 5.7.1 <{EXTERNAL_RECIPIENT}>: Relay access denied"
    server.wait_for_log("postfix/public/smtpd")


@pytest.fixture(scope="module")
def published(lab: Lab) -> Iterator[tuple[Server, Probe]]:
    """Return a server with port 25 published on a network that it trusts, and a probe on that network."""
    with Network() as foreign, lab.probe_on(foreign) as probe:
        network = lab.docker.networks.get(foreign.name).attrs["IPAM"]["Config"][0]
        variables = {"TRUSTED_NETWORKS": network["Subnet"]}
        with lab.server("trusting.lab", variables=variables, ports={"25/tcp": [(network["Gateway"],)]}) as server:
            yield server, probe


def test_trusted_network(published: tuple[Server, Probe], relay: Relay, subject: str) -> None:
    """A network in TRUSTED_NETWORKS may relay through port 25, if Docker keeps its addresses."""
    server, probe = published
    answers = probe.talk(*server.door(25), HELLO, *mail(subject, sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT))
    log = server.log()
    if f"connect from unknown[{server.address.rpartition('.')[0]}.1]" in log:
        assert answers[3].startswith("554 5.7.1"), "the gateway stays a stranger"
    else:
        relay.received(subject)


def test_trace_from_outside(lab: Lab, server: Server, relay: Relay, subject: str) -> None:
    """A Traceparent header at the public port is neither logged nor passed on."""
    head = f"Traceparent: {TRACE}\r\nTracestate: a=b\r\n"
    lab.probe.talk(
        "mail.lab", 2525, HELLO, *mail(subject, sender="x@stranger.example", recipient=f"hi@{DOMAIN}", head=head)
    )
    received = relay.received(subject)
    names = {name.lower() for name, _ in received["headers"]}
    assert names & {"traceparent", "tracestate"} == set()
    assert received["message_id"] in server.log()
    assert TRACE not in server.log()


def test_trace_from_inside(lab: Lab, server: Server, relay: Relay, subject: str) -> None:
    """A Traceparent header of a container is logged with the queue id, and removed from the mail."""
    trace = TRACE.replace("0af765", "aaaaaa")
    lab.probe.talk(
        "mail.lab",
        25,
        HELLO,
        *mail(subject, sender=f"hi@{DOMAIN}", recipient=EXTERNAL_RECIPIENT, head=f"Traceparent: {trace}\r\n"),
    )
    received = relay.received(subject)
    assert "Traceparent" not in {name for name, _ in received["headers"]}
    log = server.wait_for_log(f"info: header Traceparent: {trace}")
    assert log.count(trace) == 1


def test_xforward(lab: Lab, server: Server) -> None:
    """No port accepts XFORWARD, which would let a client write into the log."""
    trace = TRACE.replace("0af765", "cccccc")
    command = f"XFORWARD IDENT={trace}"
    inside, at_public = (lab.probe.talk("mail.lab", port, HELLO, command) for port in (25, 2525))
    dialogues = (inside, at_public, server.talk(587, *LOGIN, command), server.talk(25, HELLO, command))
    assert [answers[-2].partition(" Error")[0] for answers in dialogues] == ["550 5.7.0"] * 4
    assert not any("XFORWARD" in answer for answers in dialogues for answer in answers), "nor is it offered"
    assert trace not in server.log()


@pytest.mark.parametrize("port", [pytest.param(25, id="inside"), pytest.param(2525, id="public")])
def test_trace_in_an_attached_mail(lab: Lab, server: Server, relay: Relay, subject: str, port: int) -> None:
    """A Traceparent header inside an attached message or a part's header is not interpreted."""
    trace = TRACE.replace("0af765", f"{port:06}")
    parts = (
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nTraceparent: {trace}\r\nSubject: inner\r\n\r\nx\r\n"
        f"--b\r\nContent-Type: text/plain\r\nTraceparent: {trace}\r\n\r\ny\r\n--b--\r\n"
    )
    head = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n"
    steps = mail(subject, sender="x@stranger.example", recipient=f"hi@{DOMAIN}", head=head, body=parts)
    lab.probe.talk("mail.lab", port, HELLO, *steps)
    received = relay.received(subject)
    assert relay.raw(received).count(trace.encode()) == 2
    assert received["message_id"] in server.log()
    assert trace not in server.log()


def test_size_limit(lab: Lab, server: Server) -> None:
    """A mail whose announced size is above MESSAGE_SIZE_LIMIT is rejected before its data."""
    answers = lab.probe.talk("mail.lab", 25, HELLO, f"MAIL FROM:<hi@{DOMAIN}> SIZE=26214401")
    assert answers[2] == "552 5.3.4 Message size exceeds fixed limit"
    assert "250-SIZE 26214400" in answers[1]
    assert server.run("postconf", "-h", "message_size_limit").strip() == "26214400"


def test_system_mail(lab: Lab, server: Server, relay: Relay, subject: str) -> None:
    """The monitoring's mail to admin@dinky.local is delivered to FORWARD_EMAIL, with a sender of MAIL_DOMAIN."""
    lab.probe.talk("mail.lab", 25, HELLO, *mail(subject, sender="alerts@dinky.local", recipient="admin@dinky.local"))
    received = relay.received(subject)
    assert received["recipients"] == [OWNER]
    assert received["sender"] == f"hi@{DOMAIN}"
    assert dict(received["headers"])["From"] == f"hi@{DOMAIN}"
    server.wait_for_log("orig_to=<admin@dinky.local>")


@pytest.mark.parametrize("recipient", ["root", "postmaster", "admin@dinky.local"])
def test_mail_of_programs_in_the_container(server: Server, relay: Relay, subject: str, recipient: str) -> None:
    """A mail of a program in the container to a local user is delivered to FORWARD_EMAIL."""
    server.run("sh", "-c", f"echo disk is full | mail -s '{subject}' {recipient}")
    assert relay.received(subject)["recipients"] == [OWNER]


def test_renewed_certificate(lab: Lab) -> None:
    """A renewed certificate file is used for the next client, without a restart."""
    make = "openssl req -x509 -newkey rsa:2048 -noenc -keyout /tls/key.pem -out /tls/cert.pem -subj /CN="
    variables = {"TLS_CERT_FILE": "/tls/cert.pem", "TLS_KEY_FILE": "/tls/key.pem"}
    with lab.volume("tls") as volume, lab.tool({volume: "/tls"}) as tool:
        tool.run("sh", "-c", f"{make}before.example")
        with lab.server("renewed.lab", variables=variables, volumes={volume: "/tls"}) as server:
            assert "before.example" in certificate_subject(server)
            tool.run("sh", "-c", f"{make}after.example")
            until("the new certificate", lambda: "after.example" in certificate_subject(server))
            assert server.printed().count("daemon started") == 1
            assert "the certificate has changed: reloading" in server.printed()


def certificate_subject(server: Server) -> str:
    """Return the subject of the certificate on port 587."""
    connect = "openssl s_client -starttls smtp -connect 127.0.0.1:587 </dev/null 2>/dev/null"
    command = f"{connect} | openssl x509 -noout -subject 2>/dev/null || true"
    return server.run("sh", "-c", command)


def test_network_joined_later(lab: Lab, relay: Relay, subject: str) -> None:
    """After `docker network connect`, containers there are trusted without a restart; the gateway is not."""
    ipam = IPAMConfig(pool_configs=[IPAMPool(subnet="10.211.80.0/20", gateway="10.211.80.1")])
    with Network(docker_network_kw={"ipam": ipam}) as later, lab.server("later.lab") as server:
        network = lab.docker.networks.get(later.name)
        network.connect(server.container, aliases=["joined.lab"])
        server.until("the reload", lambda: "the networks have changed, reloading" in server.printed())
        with lab.probe_on(later) as probe:
            answers = until(
                "the new network trusted",
                lambda: (
                    found
                    if (found := probe.talk("joined.lab", 25, HELLO, *mail(subject, sender="", recipient=OWNER)))[5][:3]
                    == "250"
                    else None
                ),
            )
        assert answers[5].startswith("250 ")
        relay.received(subject)
        trusted = server.run("postconf", "-h", "internal_networks").split()
        network.disconnect(server.container)
    assert trusted.index("!10.211.80.1") < trusted.index("10.211.80.0/20")
