"""The README's tutorial, by a client that openapi-python-client made of /openapi.json."""

import sys
import time

URL, FOLDER = sys.argv[1:]
sys.path.insert(0, FOLDER)

from lossi_client import Client
from lossi_client.api.artifacts import fetch_status
from lossi_client.api.forwarding import list_forwards, stop_forwards, submit_forwards
from lossi_client.api.logs import read_logs
from lossi_client.api.orchestration import submit_job
from lossi_client.api.setup import init_configuration
from lossi_client.api.tasks import get_outcome, list_tasks, run_task
from lossi_client.models import (
    BucketOwner,
    EmbeddedConfiguration,
    Error,
    ForwardSubmission,
    JobRequest,
    ReadLogsSource,
    RequestsKeywords,
    RunTaskName,
)

client = Client(base_url=URL, raise_on_unexpected_status=True)


def result_of(task, status="SUCCESS"):
    for _ in range(300):
        outcome = get_outcome.sync(task, client=client).output
        if outcome.status in ("SUCCESS", "FAILURE"):
            assert outcome.status == status, outcome
            return outcome.result
        time.sleep(0.1)
    raise AssertionError(f"task {task} did not end")


# A job from a notebook
keys = ["bucket-prefix", "ice-id", "user", "used-client", "pre-auth-url", "pre-auth-token",
        "user-domain-name", "project-domain-name", "project-name", "auth-version"]
early = submit_job.sync("none", client=client, body=JobRequest(target="hpc/puhti", name="train.sh"))
assert isinstance(early, Error) and early.code == "conflict", early
nothing = init_configuration.sync(client=client, body=EmbeddedConfiguration.from_dict({key: "none" for key in keys}))
assert nothing.output is None, nothing

task = submit_job.sync("none", client=client, body=JobRequest(target="hpc/puhti", name="train.sh")).output
assert result_of(task) == {"key": "1"}

# Bodies on GET
task = run_task.sync(
    RunTaskName.TASKS_FORWARDER_REQUESTS,
    client=client,
    body=RequestsKeywords.from_dict({"payload": {"mode": "logs", "type": "setup"}}),
).output
assert any("/setup/config/init" in line for line in result_of(task)["logs"])
task = fetch_status.sync("1", client=client, body=BucketOwner(user="none")).output
assert result_of(task)["job-status"]["name"] == "train.sh"
assert read_logs.sync(ReadLogsSource.FRONTEND, client=client).output.logs

# A service elsewhere, close by
forwards = {"exports": [{"name": "logs", "address": "logs", "port": 80}]}
task = submit_forwards.sync("none", "none", client=client, body=ForwardSubmission.from_dict(forwards)).output
result = result_of(task)
assert result["keys"] == "0,1" and result["local"]["logs"].startswith("127.0.0.1:"), result
[forward] = list_forwards.sync(client=client).forwards
assert forward.name == "none-1-logs" and forward.kind == "export", forward
task = stop_forwards.sync("none", "0,1", client=client, body=BucketOwner()).output
assert result_of(task) == {"status": "success"}
imports = {"imports": [{"name": "metadata", "address": "169.254.169.254", "port": 80}]}
task = submit_forwards.sync("none", "none", client=client, body=ForwardSubmission.from_dict(imports)).output
assert "169.254.169.254" in result_of(task, "FAILURE")

page = list_tasks.sync(client=client, limit=1)
assert len(page.tasks) == 1 and page.next_ is not None, page
print("the tutorial is done")
