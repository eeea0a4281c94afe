from __future__ import annotations

import pytest

from mobseg.errors import Cancelled
from mobseg.protocol import LoadRequest
from mobseg.worker.jobs import Job
from mobseg.worker.progress import JobProgress


@pytest.fixture
def job():
    return Job(LoadRequest("7"))


def test_every_new_stage_is_sent_but_not_every_step(job):
    sent = []
    progress = JobProgress(job, sent.append)
    for stage in ("Reading", "Predicting", "Writing"):
        for step in range(1000):
            progress.report(stage, step / 1000)
    stages = [update.stage for update in sent]
    assert list(dict.fromkeys(stages)) == ["Reading", "Predicting", "Writing"]
    assert len(sent) < 100
    assert {update.id for update in sent} == {"7"}
    assert {update.seconds_left for update in sent} == {None}


def test_fractions_stay_between_0_and_1(job):
    sent = []
    progress = JobProgress(job, sent.append)
    progress.report("a", -0.1)
    progress.report("b", 1.0001)
    assert [update.fraction for update in sent] == [0.0, 1.0]


def test_the_mark_of_the_job_cancels(job):
    progress = JobProgress(job, lambda update: None)
    progress.raise_if_cancelled()
    job.cancelled.set()
    with pytest.raises(Cancelled):
        progress.raise_if_cancelled()
