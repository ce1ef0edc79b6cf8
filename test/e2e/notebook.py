"""The tutorial's client: what an existing notebook does, with `requests` and a JSON body on GET."""

import json
import sys
import time

import requests

BASE = sys.argv[1]
CONFIGURATION = json.loads(sys.argv[2])
HEADERS = {"authorization": f"Bearer {sys.argv[3]}"} if len(sys.argv) > 3 else {}


def request(method, route, body=None):
    response = requests.request(method, BASE + route, json=body, headers=HEADERS, timeout=30)
    return response.status_code, response.json(), response.headers["x-request-id"]


def wait_for(task):
    for _ in range(300):
        status, answer, _ = request("GET", f"/interaction/task/get/{task}")
        assert status == 200, answer
        if answer["output"]["status"] in ("SUCCESS", "FAILURE"):
            return answer
        time.sleep(0.1)
    raise AssertionError(f"task {task} did not end")


status, answer, request_id = request("POST", "/setup/config/init", CONFIGURATION)
assert (status, answer) == (200, {"output": None}), answer

status, answer, _ = request("GET", "/interaction/arti/logs/frontend")
assert status == 200, answer
lines = answer["output"]["logs"]
assert any(request_id in line for line in lines), lines
print(*lines, sep="\n")

status, answer, _ = request("GET", "/interaction/arti/logs/backend")
assert status == 200 and isinstance(answer["output"]["logs"], list), answer

status, answer, _ = request("GET", "/interaction/task/run/tasks.forwarder-requests", {"payload": {"mode": "logs"}})
assert status == 200 and isinstance(answer["output"], str), answer
answer = wait_for(answer["output"])
assert answer["output"]["status"] == "SUCCESS" and answer["output"]["result"]["logs"], answer
assert set(answer["output"]) == {"status", "result"}, answer

status, answer, _ = request("GET", "/interaction/task/get/00000000-0000-4000-8000-000000000000")
assert status == 404 and set(answer) == {"code", "message", "requestId"}, answer

status, answer, _ = request("POST", "/interaction/orch/submit/none", {"user": CONFIGURATION["user"], "target": "hpc/puhti", "name": "train.sh"})
assert status == 200, answer
answer = wait_for(answer["output"])
assert answer == {"output": {"status": "SUCCESS", "result": {"key": "1"}}}, answer

status, answer, _ = request("POST", "/setup/config/start", {"task-times": ["1"]})
assert (status, answer) == (200, {"output": None}), answer
for _ in range(100):
    _, answer, _ = request("GET", "/interaction/arti/logs/schedule")
    ticks = [line for line in answer["output"]["logs"] if "round finished" in line]
    if len(ticks) >= 2:
        break
    time.sleep(0.1)
assert len(ticks) >= 2, answer

status, answer, _ = request("POST", "/setup/config/stop")
assert (status, answer) == (200, {"output": None}), answer
time.sleep(1.5)
before = sum("round finished" in line for line in request("GET", "/interaction/arti/logs/schedule")[1]["output"]["logs"])
time.sleep(2.5)
after = sum("round finished" in line for line in request("GET", "/interaction/arti/logs/schedule")[1]["output"]["logs"])
assert before == after, (before, after)
