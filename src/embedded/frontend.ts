import { callUnary, lengthDelimited, varint } from './grpc.js';

const SERVICE = 'temporal.api.workflowservice.v1.WorkflowService';

/** `HealthCheckResponse{status: SERVING}` of grpc.health.v1. */
const SERVING = Buffer.from([0x08, 0x01]);

/** How long closed runs stay in the default namespace, in seconds: 30 days instead of the dev server's one. */
const RETENTION_SECONDS = 30 * 24 * 60 * 60;

/** Whether the server's frontend answers that it serves. Never rejects. */
export async function isServing(port: number, timeoutMs = 1_000): Promise<boolean> {
  const request = lengthDelimited(1, Buffer.from(SERVICE));
  try {
    const answer = await callUnary(port, '/grpc.health.v1.Health/Check', request, timeoutMs);
    return answer.status === 0 && answer.message.equals(SERVING);
  } catch {
    return false;
  }
}

/**
 * Raises the retention of the namespace `default` to 30 days. The message is temporal.api.workflowservice.v1
 * UpdateNamespaceRequest{namespace = 1, config = 3 {workflow_execution_retention_ttl = 1 {seconds = 1}}}.
 * Rejects when the server refuses or does not answer.
 */
export async function raiseRetention(port: number): Promise<void> {
  const duration = varint(1, RETENTION_SECONDS);
  const config = lengthDelimited(1, duration);
  const request = Buffer.concat([lengthDelimited(1, Buffer.from('default')), lengthDelimited(3, config)]);
  const { status } = await callUnary(port, `/${SERVICE}/UpdateNamespace`, request, 5_000);
  if (status !== 0) throw new Error(`UpdateNamespace answered gRPC status ${status}`);
}
