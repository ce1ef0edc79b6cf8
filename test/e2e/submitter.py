"""Stands for the submitter on a supercomputer: it polls its bucket, and rewrites jobs without looking whether they changed."""

import json
import pickle
import sys
import time

setup = json.loads(sys.argv[1])
BUCKET, GAP = setup["bucket"], setup.get("gap", 0)


class Swift:
    """python-swiftclient and pickles, as the existing submitter."""

    def __init__(self):
        import swiftclient

        self.connection = swiftclient.Connection(preauthurl=setup["url"], preauthtoken=setup["token"])
        self.missing = swiftclient.exceptions.ClientException
        self.connection.put_container(BUCKET)
        self.dumps, self.loads = lambda value: pickle.dumps(value, protocol=4), pickle.loads

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

    def keys(self, prefix):
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]

    def get(self, key):
        answer = self.client.get_object(Bucket=BUCKET, Key=key)
        return answer["Body"].read(), answer["Metadata"].get("version", "1")

    def put(self, key, body, version="1"):
        self.client.put_object(Bucket=BUCKET, Key=key, Body=body, Metadata={"version": version})


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
    for command, file in (("SACCT", ".sacct.parsable2.txt"), ("SEFF", ".seff.txt")):
        with open(case + file) as text:
            storage.put(f"ARTIFACTS/{command}/{key}", storage.dumps(text.read()))
    for file in job["files"]["store"]:
        path = file["target"].replace("(key)", key).removeprefix("storage/allas/submitter/")
        storage.put(path, b"result of " + key.encode())
        file["target"] = file["target"].replace("(key)", key)


def step(name):
    body, version = storage.get(name)
    job, key = storage.loads(body), name.split("/")[1]
    todo = next_step(job)
    if todo is None:
        return
    say(key, "between read and write of", todo)
    time.sleep(GAP)
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
