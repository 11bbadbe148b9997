"""Through LangSmith's runner: the same marks, nothing leaves unless asked and keyed, and then nobody's name."""

import json

import pytest

from domain.errors import BadInput
from evals import marking
from evals.cases import Case, Step, Trace
from evals.langsmith_run import anonymous, evaluate
from evals.suites import scoring
from learning import metrics
from tests.evals.made_up import traces, walk


def test_offline_it_gives_our_own_figures_and_reaches_nobody() -> None:
    made = traces(n=90)
    seen = evaluate(made)
    told = scoring.score(made, {}, draws=100)
    y = [float(t.case.target == 1) for t in made]
    brier = metrics.brier(y, [t.output["probability"]["leadgraph"] for t in made])
    assert not seen.uploaded
    assert seen.cases == told["n"]
    assert seen.means["squared_error"] == pytest.approx(brier)


def test_marks_of_behaviour_are_those_of_the_suite() -> None:
    good = walk("ingestion", "intent", "scoring", "policy:verdict:hold", "run:route:hold")
    bad = walk("ingestion", "intent", "scoring", "actuation:proposed")
    named = bad.model_copy(update={"case": Case(id="rn_2", suite="trajectories", dataset="tests")})
    seen = evaluate([good, named])
    told = marking.score([good, named], {}, draws=100)["marks"]
    assert seen.means == {"allowed_path": 0.5, "no_forbidden_edge": 0.5}
    assert told["allowed_path"]["value"] == 0.5


def test_an_upload_without_a_key_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(BadInput, match="needs a key"):
        evaluate(traces(n=90), upload=True, key=None)
    with pytest.raises(BadInput, match="there are none"):
        evaluate([])


def test_what_would_leave_names_nobody() -> None:
    """Ids of leads, accounts and signals, free words and notes stay behind; the same id is not the same word twice."""
    secret = Trace(
        case=Case(
            id="ld_anna@acme.example", suite="rationale", dataset="home", account="Acme GmbH", target=1,
            slices={"region": "eu", "owner": "Bob Smith"}, given={"lead_id": "ld_anna"},
        ),
        output={"points": 50, "own": ["crm:anna"], "cited": [{"name": "x", "refs": ["crm:anna"]}], "words": "Anna"},
        steps=(Step(step="policy", code="verdict:act", evidence=("routing:anna",), detail={"owner": "Bob Smith"}),),
    )  # fmt: skip
    left = json.dumps(anonymous([secret])).lower()
    for word in ("anna", "acme", "bob", "smith", "crm:"):
        assert word not in left
    assert anonymous([secret])[0]["case"] != anonymous([secret])[0]["case"]
    one, two = anonymous([secret, secret])
    assert one["account"] == two["account"]
