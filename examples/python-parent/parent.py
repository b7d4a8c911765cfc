"""A workflow in Python that runs a batch as a child, on a worker of dria-temporal, and reads why it failed."""

import asyncio
import os
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ChildWorkflowError
from temporalio.worker import Worker

BATCH_TASK_QUEUE = os.environ.get("BATCH_TASK_QUEUE", "dria-batch")


def batch_failure(error: ChildWorkflowError) -> dict[str, Any] | None:
    """Returns why the batch failed: its kind, a message and what it had done. None if it was cancelled or terminated."""
    cause = error.cause
    return cause.details[0] if isinstance(cause, ApplicationError) and cause.details else None


@workflow.defn(name="classifyInPython")
class ClassifyInPython:
    @workflow.run
    async def run(self, batch: dict[str, Any]) -> dict[str, Any]:
        try:
            return await workflow.execute_child_workflow(
                "batchWorkflow",
                batch,
                id=f"{workflow.info().workflow_id}/reviews",
                task_queue=BATCH_TASK_QUEUE,
                result_type=dict,
            )
        except ChildWorkflowError as error:
            failure = batch_failure(error)
            if failure is None or failure["kind"] != "InvalidInput":
                raise
            # What a caller can mend is an answer here, and no failure of this workflow.
            return {"refused": failure["message"], "type": error.cause.type}


async def main() -> None:
    client = await Client.connect(os.environ.get("TEMPORAL_ADDRESS", "localhost:7233"))
    queue = os.environ.get("TASK_QUEUE", "reviews-python")
    await Worker(client, task_queue=queue, workflows=[ClassifyInPython]).run()


if __name__ == "__main__":
    asyncio.run(main())
