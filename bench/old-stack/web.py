"""The FastAPI half of the stack that lossi replaces."""

from fastapi import Body, FastAPI

import tasks

app = FastAPI()
TASKS = {"logs": tasks.logs, "object": tasks.put_object}


@app.post("/run/{name}")
def run(name: str, payload: dict = Body()):
    return {"output": TASKS[name].delay(payload).id}


@app.get("/get/{task_id}")
def get(task_id: str):
    task = tasks.app.AsyncResult(task_id)
    status = task.status
    return {"output": {"status": status, "result": task.result if status == "SUCCESS" else None}}
