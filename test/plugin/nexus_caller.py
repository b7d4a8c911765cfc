"""A workflow in Python, in a namespace of its own, that calls the Nexus service `batch`. Prints what it gets as JSON."""

import asyncio
import json
import os
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import Worker


@workflow.defn
class CallBatch:
    @workflow.run
    async def run(self, endpoint: str, run_id: str, source: str) -> dict[str, Any]:
        batch = workflow.create_nexus_client(service="batch", endpoint=endpoint)
        given = {"id": run_id, "input": {"input": source, "return": "inline"}}
        result = await batch.execute_operation("run", given, output_type=dict)
        status = await batch.execute_operation("status", {"id": run_id}, output_type=dict)
        return {"result": result, "state": status["state"]}


async def main() -> None:
    env = os.environ
    client = await Client.connect(env["TEMPORAL_ADDRESS"], namespace=env["TEMPORAL_NAMESPACE"])
    async with Worker(client, task_queue="caller", workflows=[CallBatch]):
        args = [env["NEXUS_ENDPOINT"], env["RUN_ID"], env["RUN_INPUT"]]
        result = await client.execute_workflow(CallBatch.run, args=args, id=f"call-{env['RUN_ID']}", task_queue="caller")
    print(json.dumps(result))


# The sandbox of the workflow loads this file again.
if __name__ == "__main__":
    asyncio.run(main())
