/** A customer's ticket. */
export interface Ticket {
  readonly id: string;
  readonly text: string;
}

/** Fetches the tickets of a day: stands for a query of your database. */
export async function fetchTickets(day: string): Promise<Ticket[]> {
  return Array.from({ length: 20 }, (_, at) => ({ id: `${day}/${at + 1}`, text: `Order ${at + 1} has not arrived.` }));
}

/** Does something with the urgent ones: stands for a message to whoever is on call. */
export async function escalate(ids: readonly (string | number)[]): Promise<void> {
  process.stderr.write(`escalated: ${ids.join(', ') || 'none'}\n`);
}
