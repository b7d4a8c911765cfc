/** Name of the sink that hears of packs that the workflow wants back. */
export const WITHDRAWAL_SINK = 'driaTemporalWithdrawal';

/**
 * The sink, as workflow code calls it, beside cancelling the pack's activity. Where the workflow and the pack are on the
 * same worker the pack hears of it at once; otherwise with its next heartbeat.
 */
export type WithdrawalSinks = { [WITHDRAWAL_SINK]: { withdrawn(activityId: string): void } };
