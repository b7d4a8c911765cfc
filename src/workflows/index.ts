export { batchWorkflow } from './batch.js';
export { chunkWorkflow } from './chunk.js';
export { pauseUpdate, progressQuery, resumeUpdate, setUpdate } from './messages.js';
