"""A trial of our own door: the signed request goes where the vendor would send it, or through the receiver here."""

from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson

from domain.errors import LeadgraphError
from domain.ports.receivers import Delivery
from tools.receivers import SettingsReceivers
from tools.settings import Settings

TIMEOUT: Final = httpx.Timeout(10.0)


def over_http(url: str, delivery: Delivery) -> Mapping[str, Any]:
    """Post it to `url`. Never raises: what went wrong is said."""
    try:
        with httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
            answer = client.post(url, content=delivery.body, headers=dict(delivery.headers))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        words = f"nobody answers there ({type(error).__name__}); is leadgraph serve running, and reachable?"
        return {"where": url, "ok": False, "words": words}
    if answer.is_success:
        return {"where": url, "ok": True, "words": f"taken ({answer.status_code})", "answer": _json(answer)}
    return {
        "where": url,
        "ok": False,
        "words": _WORDS.get(answer.status_code, f"answered {answer.status_code}"),
    }


def here(settings: Settings, name: str, delivery: Delivery, now: int) -> Mapping[str, Any]:
    """Prove and read it in this process, with `settings`; nothing is stored."""
    where = "in this process, as no public_url is set"
    try:
        receiver = SettingsReceivers(settings).get(name)
        if receiver is None:
            return {"where": where, "ok": True, "words": "not tried: set public_url to try it"}
        receiver.verify(delivery, now=now)
        reading = receiver.read(delivery, now=now)
    except LeadgraphError as error:
        return {"where": where, "ok": False, "words": str(error)}
    return {
        "where": where,
        "ok": True,
        "words": "proven and read",
        "answer": {"ignored": dict(reading.ignored)},
    }


def _json(answer: httpx.Response) -> Any:
    try:
        return orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        return None


_WORDS: Final = {
    301: "the address redirects: name the one it redirects to",
    302: "the address redirects: name the one it redirects to",
    308: "the address redirects: name the one it redirects to",
    401: "not proven: the server has another secret, or another public_url; restart it so that it reads the new ones",
    404: "nothing of Leadgraph answers there: check the address and the proxy in front",
    503: "the server has no secret for this source yet: restart it so that it reads the new one",
}
