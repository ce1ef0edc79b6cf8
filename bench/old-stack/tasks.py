"""The Celery half of the stack that lossi replaces."""

import json
import os
import pathlib

from celery import Celery

FOLDER = pathlib.Path(os.environ["OLD_STACK_FOLDER"])
REDIS = os.environ["REDIS_URL"]

app = Celery("tasks", broker=REDIS, backend=REDIS)
app.conf.beat_schedule = {"round": {"task": "tasks.schedule", "schedule": 30}}


@app.task
def logs(payload):
    return {"logs": (FOLDER / "forwarder.log").read_text().splitlines()[-1000:]}


@app.task
def put_object(payload):
    key = app.backend.client.incr("highest-key")
    (FOLDER / f"job-{key}.json").write_text(json.dumps(payload))
    return {"key": str(key)}


@app.task
def schedule():
    return None
