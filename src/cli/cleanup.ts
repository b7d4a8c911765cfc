/** What a command has opened, closed in the opposite order when it ends. */
export class Cleanup {
  private readonly closers: (() => unknown)[] = [];

  /** Takes something that was opened, and how it is closed. */
  add<T>(opened: T, close: (opened: T) => unknown): T {
    this.closers.push(() => close(opened));
    return opened;
  }

  /** Closes everything. One that fails does not keep the others open; the first failure is thrown at the end. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.closers.reverse()) {
      try {
        await close();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
