"""The licence client: the modes with the vendor's times (90 days, 360 days, 7775673 s, 43200 s), and what it shows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sorm_mediator.switch.smart.cloud import FAULTS
from sorm_mediator.switch.smart.messages import MessageError
from sorm_mediator.switch.smart.modes import Mode
from tests.switch.smart.conftest import DAY, START, Scene

# --- modes


def test_the_evaluation_begins_when_smart_licensing_is_enabled_and_allows_calls_for_90_days() -> None:
    scene = Scene()
    assert (scene.mode, scene.client.state.value, scene.refuses) == ("Evaluation", "UNIDENTIFIED", False)
    scene.run(90 * DAY - 1)
    assert (scene.mode, scene.refuses) == ("Evaluation", False)
    scene.run(1)
    assert (scene.mode, scene.client.state.value, scene.refuses) == ("EvalExpired", "EVAL_EXPIRED", True)


def test_registered_without_authorisation_is_still_evaluation() -> None:
    scene = Scene()
    assert scene.register() == ""
    assert (scene.mode, scene.client.state.value, scene.refuses) == ("Evaluation", "REGISTERED", False)


def test_a_count_within_what_was_bought_is_in_compliance() -> None:
    scene = Scene(count=30, purchased=30)
    scene.register()
    scene.authorise()
    assert (scene.mode, scene.client.state.value, scene.refuses) == ("InCompliance", "AUTHORIZED", False)


def test_a_count_beyond_what_was_bought_is_granted_all_the_same_and_has_no_effect_on_calls() -> None:
    scene = Scene(count=216, purchased=30)
    scene.register()
    assert scene.authorise() == ""
    assert (scene.mode, scene.client.state.value, scene.refuses) == (
        "OutOfCompliance",
        "OUT_OF_COMPLIANCE",
        False,
    )


def test_a_refused_registration_leads_to_evaluation_while_days_are_left() -> None:
    scene = Scene(token="of nobody")
    assert scene.register() == "the licence cloud refuses: the token is of no account, or was withdrawn"
    assert (scene.mode, scene.client.state.value, scene.refuses) == ("Evaluation", "EVAL", False)


def test_a_refused_authorisation_leads_to_evaluation_while_days_are_left_and_else_to_evalexpired() -> None:
    for day, mode in ((10, "Evaluation"), (89, "Evaluation"), (91, "EvalExpired")):
        scene = Scene()
        scene.register()
        scene.authorise()
        assert scene.client.authorisation is not None  # which is longer than the evaluation here
        scene.client.authorisation = replace(scene.client.authorisation, ends=START + 400 * DAY)
        scene.run(day * DAY)
        assert scene.mode == "InCompliance"
        scene.cloud.break_with("refuse")
        scene.authorise()
        assert (scene.mode, scene.refuses) == (mode, mode == "EvalExpired")


def test_without_a_successful_authorisation_until_7775673_s_have_passed_it_is_over() -> None:
    scene = Scene(register_at_start=True, retry_interval=int(20 * DAY))
    scene.run(0)
    assert scene.mode == "InCompliance"
    scene.cloud.break_with("down")
    scene.run(7_775_673 - 1)
    assert (scene.mode, scene.refuses) == ("InCompliance", False)
    scene.run(1)
    assert (scene.mode, scene.client.state.value, scene.refuses) == (
        "AuthorizationExpired",
        "AUTHORIZATION_EXPIRED",
        True,
    )


def test_the_next_successful_authorisation_leads_back() -> None:
    scene = Scene(register_at_start=True)
    scene.run(0)
    scene.cloud.break_with("down")
    scene.run(100 * DAY)
    assert scene.mode == "AuthorizationExpired"
    scene.cloud.break_with("none")
    scene.run(43_200)
    assert (scene.mode, scene.refuses) == ("InCompliance", False)


def test_deregistering_leads_to_what_is_left_of_the_90_days_which_never_begin_anew() -> None:
    scene = Scene()
    scene.run(60 * DAY)
    scene.register()
    scene.authorise()
    scene.run(20 * DAY)
    assert scene.deregister() == ""
    assert scene.mode == "Evaluation"
    assert scene.client.summary(scene.now)["Evaluation Period(in hrs)"] == str(10 * 24)
    scene.run(10 * DAY)
    assert scene.mode == "EvalExpired"
    scene.register()
    scene.authorise()
    assert scene.mode == "InCompliance"
    scene.deregister()
    assert (scene.mode, scene.refuses) == ("EvalExpired", True)


# --- times


def test_it_asks_again_every_43200_s() -> None:
    scene = Scene(register_at_start=True)
    scene.run(43_200 - 1)
    assert scene.cloud.counters == {"registered": 1, "in compliance": 1}
    scene.run(1)
    assert scene.cloud.counters == {"registered": 1, "in compliance": 2}


def test_the_registration_is_renewed_when_the_id_certificate_of_360_days_ends() -> None:
    scene = Scene(register_at_start=True, retry_interval=int(30 * DAY))
    scene.run(360 * DAY - 1)
    held = scene.client.registration
    assert held is not None
    assert (held.identity.ends, held.expires) == (START + 360 * DAY, START + 365 * DAY)
    assert scene.cloud.counters["registered"] == 1
    scene.run(1)
    assert scene.cloud.counters["registered"] == 2
    assert scene.mode == "InCompliance"


def test_after_a_failure_it_tries_again_in_43200_s() -> None:
    scene = Scene(register_at_start=True)
    scene.cloud.break_with("down")
    scene.run(43_200 - 1)
    assert scene.client.counters == {"register failed": 1}
    scene.run(1)
    assert scene.client.counters == {"register failed": 2}


# --- faults: a clear error, and nothing changed

FAULTY = {
    "down": "the licence cloud is not reached",
    "wrong-signature": "signature: is wrong; the document was not made by the one who should sign it",
    "repeated-nonce": "nonce: was answered before; the answer is an old one, sent again",
    "expired": "expiry: the authorisation was over at",
}


@pytest.mark.parametrize("fault", FAULTY)
def test_an_answer_that_cannot_be_trusted_changes_nothing_and_is_told(fault: str) -> None:
    scene = Scene()
    scene.register()
    scene.authorise()
    before = scene.mode, scene.client.registration, scene.client.authorisation
    scene.cloud.break_with(fault)
    scene.now += 60
    assert scene.authorise().startswith(FAULTY[fault])
    assert (scene.mode, scene.client.registration, scene.client.authorisation) == before
    assert scene.client.failure.startswith(FAULTY[fault])
    assert scene.client.counters["authorise failed"] == 1


def test_out_of_compliance_can_be_had_whatever_the_usage() -> None:
    scene = Scene(count=1)
    scene.cloud.break_with("ooc")
    scene.register()
    scene.authorise()
    assert scene.mode == "OutOfCompliance"


def test_certificates_of_a_cloud_whose_clock_is_wrong_are_not_taken() -> None:
    scene = Scene()
    scene.cloud.break_with("clock")
    assert scene.register().startswith("id_cert: holds from 2019-05-09")
    assert scene.client.registration is None


def test_a_cloud_under_another_root_is_not_believed() -> None:
    scene, other = Scene(), Scene()
    scene.client.root = other.cloud.root
    assert (
        scene.register() == "signing_cert: was not issued under the root certificate that the switch trusts"
    )
    assert (scene.mode, scene.client.registration) == ("Evaluation", None)


def test_a_clock_that_steps_back_is_told_and_changes_nothing() -> None:
    scene = Scene()
    scene.run(90 * DAY)
    assert scene.refuses
    scene.now -= 80 * DAY
    assert scene.refuses
    assert scene.client.summary(scene.now)["Latest Failure Reason"] == (
        "the clock stepped back by 6912000 s: nothing changes until it has caught up; set the clock"
    )


def test_what_can_not_be_asked_is_told() -> None:
    scene = Scene()
    with pytest.raises(MessageError, match="the switch is not registered: register it first"):
        scene.authorise()
    scene.client.begin("register", scene.now)
    with pytest.raises(MessageError, match="a request is under way already: register"):
        scene.register()
    scene.client.root = None
    with pytest.raises(MessageError, match="there is no licence cloud"):
        scene.client.begin("register", scene.now)


# --- what is shown


def test_the_license_summary_has_its_fields_in_their_order() -> None:
    scene = Scene(count=10, purchased=5)
    scene.client.server = "http://127.0.0.1:8443"
    scene.register()
    scene.authorise()
    serial = scene.client.serial
    assert len(serial) == 11
    assert serial.isalnum()
    assert list(scene.client.summary(scene.now).items()) == [
        ("Smart License Client State", "OUT_OF_COMPLIANCE"),
        ("Module Serial Number", serial),
        ("Product ID", "UC_CUSP"),
        ("Cusp UDI", f"UC_CUSP:{serial}"),
        ("Entitlement Tag", "regid.2014-08.com.cisco.CUSP-5,1.0_8f106f12-4d11-44b7-8f36-f7aeaae3dfaa"),
        ("License Server Address", "http://127.0.0.1:8443"),
        ("Smart Agent Transport Mode", "TransportCallHome"),
        ("Enforcement Mode", "OutOfCompliance"),
        ("Software ID TAG", "regid.2014-12.com.cisco.CUSP,1.0_5548940b-3dff-4353-b418-10e29cb7493b"),
        ("Product ID TAG", "UC_CUSP"),
        ("Entitlement Version", "9.0"),
        ("Registration Expiry Date", "Wed May 09 13:43:02 GMT 2018"),
        ("Next Auth Date", "Wed May 10 01:43:02 GMT 2017"),
        ("Evaluation Period(in hrs)", "0"),
        ("Entitlement Count Requested", "10"),
        ("Is Registration Successful", "YES"),
        ("Is Authorization Successful", "YES"),
        ("Is Agent Enabled", "ENABLED"),
        ("Is Evaluation Mode", "NO"),
        ("Latest Failure Reason", "No recent Failure messages"),
        ("Http Proxy Address", "Not Set"),
    ]


def test_a_switch_that_has_not_registered_shows_2160_hours_of_evaluation() -> None:
    summary = Scene().client.summary(START)
    assert summary["Evaluation Period(in hrs)"] == "2160"
    assert (summary["Registration Expiry Date"], summary["Next Auth Date"]) == ("Not Set", "Not Set")
    assert (summary["Is Registration Successful"], summary["Is Evaluation Mode"]) == ("NO", "YES")


def test_the_log_has_the_lines_of_the_vendor() -> None:
    scene = Scene()
    scene.cloud.break_with("ooc")
    scene.register()
    scene.authorise()
    registered, authorised, mode = scene.lines
    assert registered.startswith("register received:id_cert_sn:")
    assert registered.endswith(", renew_interval:1555200000")
    assert ", signing_cer:sub_ca_cert:" in registered
    assert authorised == (
        "auth response: start_date:1494337382000, compliance_status:OOC,expiry:7775673, retry_interval:43200"
    )
    assert mode == "enforce_mode:OutOfCompliance"


# --- any course of events


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("wait"), st.integers(0, 60 * 86_400)),
            st.tuples(st.just("fault"), st.sampled_from(FAULTS)),
            st.tuples(st.just("ask"), st.sampled_from(["register", "authorise", "deregister"])),
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_whatever_happens_calls_are_refused_only_when_a_period_is_over(
    course: list[tuple[str, object]], at_start: bool
) -> None:
    scene = Scene(register_at_start=at_start, retry_interval=int(20 * DAY))
    for what, value in course:
        if what == "wait":
            assert isinstance(value, int)
            scene.run(value)
        elif what == "fault":
            scene.cloud.break_with(str(value))
        else:
            try:
                scene.ask(value)  # type: ignore[arg-type]  # one of the kinds
            except MessageError:
                assert scene.client.registration is None
        client, mode = scene.client, scene.client.mode
        refused = scene.refuses
        assert refused == (mode in (Mode.EVAL_EXPIRED, Mode.AUTHORIZATION_EXPIRED))
        if mode is Mode.EVALUATION:
            assert scene.now < client.evaluation_ends
        if mode is Mode.EVAL_EXPIRED:
            assert scene.now >= client.evaluation_ends == START + 90 * DAY
        if mode in (Mode.IN_COMPLIANCE, Mode.OUT_OF_COMPLIANCE):
            assert client.authorisation is not None
            assert scene.now < client.authorisation.ends
        if mode is Mode.AUTHORIZATION_EXPIRED:
            assert client.authorisation is not None
            assert scene.now >= client.authorisation.ends
