"""Stands for the submitter on a supercomputer: it polls its bucket, and rewrites jobs without looking whether they changed."""

import json
import pickle
import sys
import time

setup = json.loads(sys.argv[1])
BUCKET = setup["bucket"]


class Swift:
    """python-swiftclient and pickles, as the existing submitter."""

    def __init__(self):
        import swiftclient

        self.connection = swiftclient.Connection(preauthurl=setup["url"], preauthtoken=setup["token"])
        self.missing = swiftclient.exceptions.ClientException
        self.connection.put_container(BUCKET)
        self.dumps, self.loads = lambda value: pickle.dumps(value, protocol=4), pickle.loads
        self.sacct, self.seff = rows_of, labels_of

    def keys(self, prefix):
        return [one["name"] for one in self.connection.get_container(BUCKET, prefix=prefix)[1]]

    def get(self, key):
        headers, body = self.connection.get_object(BUCKET, key)
        return body, headers.get("x-object-meta-version", "1")

    def put(self, key, body, version="1"):
        self.connection.put_object(BUCKET, key, body, headers={"X-Object-Meta-Version": version})


class S3:
    """boto3 and JSON, as newer clients."""

    def __init__(self):
        import boto3

        self.client = boto3.client(
            "s3",
            endpoint_url=setup["endpoint"],
            region_name=setup["region"],
            aws_access_key_id=setup["access-key-id"],
            aws_secret_access_key=setup["secret-access-key"],
        )
        self.client.create_bucket(Bucket=BUCKET)
        self.dumps, self.loads = lambda value: json.dumps(value).encode(), json.loads
        self.sacct, self.seff = str, str

    def keys(self, prefix):
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]

    def get(self, key):
        answer = self.client.get_object(Bucket=BUCKET, Key=key)
        return answer["Body"].read(), answer["Metadata"].get("version", "1")

    def put(self, key, body, version="1"):
        self.client.put_object(Bucket=BUCKET, Key=key, Body=body, Metadata={"version": version})


def rows_of(text):
    """sacct's rows as the existing submitter stores them: numbered, what is empty as None."""
    head, *rows = [line.split("|") for line in text.splitlines()]
    return {str(n): dict(zip(head, [cell or None for cell in row])) for n, row in enumerate(rows, 1)}


def labels_of(text):
    return dict(line.split(": ", 1) for line in text.splitlines())


def say(*words):
    print(*words, flush=True)


def next_step(job):
    """What the flags ask for, as the protocol's table says; one step a round."""
    if job["stopped"]:
        return None if job["stored"] else "stored"
    if job["cancel"]:
        return "stopped"
    if not job["ready"]:
        return "ready" if job["start"] else None
    for step in ("submit", "pending", "running"):
        if not job[step]:
            return step
    return None if setup.get("endless") else "stopped"


def store_results(key, job):
    case = setup["samples"] + "/" + setup["case"]
    for command, file, parsed in (
        ("SACCT", ".sacct.parsable2.txt", storage.sacct),
        ("SEFF", ".seff.txt", storage.seff),
    ):
        with open(case + file) as text:
            storage.put(f"ARTIFACTS/{command}/{key}", storage.dumps(parsed(text.read())))
    for file in job["files"]["store"]:
        path = file["target"].replace("(key)", key).removeprefix("storage/allas/submitter/")
        storage.put(path, b"result of " + key.encode())
        file["target"] = file["target"].replace("(key)", key)


def note_times(key, todo):
    """Seconds that a test can know, by what was done."""
    name = f"ARTIFACTS/TIMES/{key}"
    body, version = storage.get(name)
    times = storage.loads(body)
    spans = {
        "ready": [("start", times["begin-start"], 4.0), ("configuration", 1000.5, 2.5)],
        "stopped": [("run", 1010.0, 12.0)],
        "stored": [("store", 1023.0, 1.5)],
    }
    for one, begin, seconds in spans.get(todo, []):
        times.update({f"begin-{one}": begin, f"end-{one}": begin + seconds, f"total-{one}-seconds": seconds})
    storage.put(name, storage.dumps(times), str(int(version) + 1))


def step(name):
    body, version = storage.get(name)
    job, key = storage.loads(body), name.split("/")[1]
    todo = next_step(job)
    if todo is None:
        return
    if todo == setup.get("hold"):
        say(key, "between read and write of", todo)
        sys.stdin.readline()
        if storage.loads(storage.get(name)[0])["cancel"] and not job["cancel"]:
            say(key, "wipes the cancel")
    note_times(key, todo)
    if todo == "stored":
        store_results(key, job)
    if todo == "submit":
        job["id"] = "27"
    job[todo] = True
    storage.put(name, storage.dumps(job), str(int(version) + 1))
    say(key, todo)


storage = Swift() if setup["client"] == "swift" else S3()
FLAGS = ["start", "ready", "submit", "pending", "running", "cancel", "stopped", "stored", "failed", "complete"]
EMPTY = {
    "name": "",
    "target": "",
    "id": "",
    "enviroment": {
        "submission-modules": [],
        "venv": {"name": "", "directory": "", "configuration-modules": [], "packages": []},
    },
    "files": {"provide": [], "store": []},
    "workflow": {"requires": [], "enables": []},
    **dict.fromkeys(FLAGS, False),
}
STEPS = ["start", "configuration", "run", "cancel", "store"]
TIMES = {name: 0 for one in STEPS for name in (f"begin-{one}", f"end-{one}", f"total-{one}-seconds")}
storage.put("JOBS/status-template", storage.dumps(EMPTY))
storage.put("ARTIFACTS/TIMES/time-template", storage.dumps(TIMES))
say("ready")
while True:
    for name in storage.keys("JOBS/"):
        if name != "JOBS/status-template":
            step(name)
    time.sleep(0.05)
