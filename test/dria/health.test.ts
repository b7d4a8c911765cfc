import { describe, expect, it } from 'vitest';
import { DriaError, type DriaErrorFacts } from '../../src/dria/errors.js';
import { type Admission, FAILURES_IN_A_ROW, Health, type Inquiry, RESETS_IN_A_ROW } from '../../src/dria/health.js';
import { HandClock } from './hand-clock.js';

const ITEM: Inquiry = { target: 'm', modality: 'text', prompt: 'p', hasOther: true };
const noNodes = (retryAfterMs?: number) => failure({ code: 'NoNodesAvailable', status: 503, retryAfterMs });
const away = () => failure({ code: 'EndpointUnavailable' });
const broken = () => failure({ code: 'ServerError', status: 500 });

function failure(facts: Partial<DriaErrorFacts> & Pick<DriaErrorFacts, 'code'>): DriaError {
  return new DriaError({ message: 'no', ...facts });
}

function world() {
  const clock = new HandClock();
  return { clock, health: new Health(clock) };
}

function admit(health: Health, inquiry: Inquiry = ITEM): Admission {
  const admitted = health.admit(inquiry);
  if (admitted instanceof Promise) throw new Error('it waits');
  return admitted;
}

/** The error by which a request is not let through. */
function refusal(health: Health, inquiry: Inquiry = ITEM): DriaError | undefined {
  try {
    health.result(admit(health, inquiry), failure({ code: 'InvalidRequest', status: 400 }));
  } catch (error) {
    return error as DriaError;
  }
  return undefined;
}

describe('an answer that does not satisfy the schema', () => {
  const invalid = () => failure({ code: 'InvalidOutput' });

  it('counts neither for nor against its target while that is to repair it', () => {
    const { health } = world();
    for (let n = 0; n < 2 * FAILURES_IN_A_ROW; n++) {
      const error = health.result(admit(health, { ...ITEM, willRepair: true }), invalid());
      expect(error).toMatchObject({ code: 'InvalidOutput' });
    }
    for (let n = 1; n < FAILURES_IN_A_ROW; n++) {
      health.result(admit(health, { ...ITEM, willRepair: true }), invalid());
      expect(health.result(admit(health), invalid())).toMatchObject({ code: 'InvalidOutput' });
    }
    expect(health.result(admit(health), invalid())).toMatchObject({ code: 'TargetUnavailable' });
  });

  it('of a probe lets the next request probe', () => {
    const { clock, health } = world();
    health.result(admit(health), noNodes());
    clock.move(15_000);
    health.result(admit(health, { ...ITEM, willRepair: true }), invalid());
    health.result(admit(health));
    expect(refusal(health)).toBeUndefined();
  });
});

describe('a target that answered 503', () => {
  it('is not asked for 15 s, then twice as long each time, up to 4 minutes', () => {
    const { clock, health } = world();
    const waits: number[] = [];
    for (let n = 0; n < 7; n++) {
      health.result(admit(health), noNodes());
      const wait = refusal(health)?.retryAfterMs ?? 0;
      waits.push(wait / 1000);
      clock.move(wait);
    }
    expect(waits).toEqual([15, 30, 60, 120, 240, 240, 240]);
  });

  it('is not asked for as long as it wants, with its own words', () => {
    const { clock, health } = world();
    health.result(admit(health), noNodes(60_000));
    expect(refusal(health)).toMatchObject({
      code: 'NoNodesAvailable',
      fault: 'target',
      status: 503,
      message: 'no',
      unsent: true,
      retryAfterMs: 60_000,
    });
    clock.move(59_999);
    expect(refusal(health)).toMatchObject({ retryAfterMs: 1 });
    clock.move(1);
    expect(refusal(health)).toBeUndefined();
  });

  it('leaves other targets alone, and a burst of 503s counts once', () => {
    const { health } = world();
    const burst = Array.from({ length: 50 }, () => admit(health));
    for (const admission of burst) health.result(admission, noNodes());
    expect(refusal(health)?.retryAfterMs).toBe(15_000);
    expect(refusal(health, { ...ITEM, target: 'other' })).toBeUndefined();
  });

  it('is probed by one request; the others wait for it, or go elsewhere if they can', async () => {
    const { clock, health } = world();
    health.result(admit(health), noNodes());
    clock.move(15_000);
    const probe = admit(health);
    expect(refusal(health)).toMatchObject({ code: 'NoNodesAvailable', unsent: true });
    const waiting = health.admit({ ...ITEM, hasOther: false });
    expect(waiting).toBeInstanceOf(Promise);
    health.result(probe);
    expect(await waiting).toMatchObject({ target: 'm' });
    expect(refusal(health)).toBeUndefined();
  });

  it('whose probe fails refuses those that waited', async () => {
    const { clock, health } = world();
    health.result(admit(health), noNodes());
    clock.move(15_000);
    const probe = admit(health);
    const waiting = health.admit({ ...ITEM, hasOther: false });
    health.result(probe, noNodes());
    await expect(waiting).rejects.toMatchObject({ code: 'NoNodesAvailable', unsent: true, retryAfterMs: 30_000 });
  });

  it('is probed by the next request if the probe is stopped', async () => {
    const { clock, health } = world();
    health.result(admit(health), noNodes());
    clock.move(15_000);
    const probe = admit(health);
    const waiting = health.admit({ ...ITEM, hasOther: false });
    health.result(probe, new Error('aborted'));
    expect(await waiting).toMatchObject({ targetPass: { isProbe: true } });
  });

  it('lets a waiting request go that is aborted', async () => {
    const { clock, health } = world();
    health.result(admit(health), noNodes());
    clock.move(15_000);
    admit(health);
    const controller = new AbortController();
    const waiting = Promise.resolve(health.admit({ ...ITEM, hasOther: false }, controller.signal));
    controller.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
  });
});

describe('a target that fails again and again', () => {
  it('is out after a number of failures in a row, and for longer each time its probe fails', () => {
    const { clock, health } = world();
    for (let n = 1; n < FAILURES_IN_A_ROW; n++)
      expect(health.result(admit(health), broken())).toMatchObject({ code: 'ServerError' });
    expect(health.result(admit(health), broken())).toMatchObject({
      code: 'TargetUnavailable',
      fault: 'target',
      message: '5 failures in a row, the last: 500 no',
      retryAfterMs: 30_000,
    });
    expect(refusal(health)).toMatchObject({ code: 'TargetUnavailable', unsent: true });
    const waits: number[] = [];
    for (let n = 0; n < 6; n++) {
      clock.move(refusal(health)?.retryAfterMs ?? 0);
      health.result(admit(health), broken());
      waits.push((refusal(health)?.retryAfterMs ?? 0) / 1000);
    }
    expect(waits).toEqual([60, 120, 240, 480, 600, 600]);
  });

  it('is not out if there is no other, or if one of the answers was good', () => {
    const { health } = world();
    for (let n = 0; n < 20; n++) health.result(admit(health, { ...ITEM, hasOther: false }), broken());
    expect(refusal(health)).toBeUndefined();
    health.result(admit(health));
    for (let n = 0; n < 20; n++) health.result(admit(health), n % 4 === 3 ? undefined : broken());
    expect(refusal(health)).toBeUndefined();
  });

  it('does not count what is no failure of an attempt: items, rate limits, requests that were not sent', () => {
    const { health } = world();
    const others = [
      failure({ code: 'InvalidRequest', status: 400 }),
      failure({ code: 'RateLimited', fault: 'attempt', status: 429 }),
      failure({ code: 'ServerError', unsent: true }),
      new Error('aborted'),
    ];
    for (let n = 0; n < 20; n++) health.result(admit(health), others[n % others.length]);
    expect(refusal(health)).toBeUndefined();
  });
});

describe('what a target cannot do', () => {
  it('a model that is not there is not asked for 10 s, or until a list has it anew', () => {
    const { clock, health } = world();
    health.relist(['other']);
    health.result(admit(health), failure({ code: 'ModelUnavailable', status: 404 }));
    clock.move(9_999);
    expect(refusal(health)).toMatchObject({ code: 'ModelUnavailable', unsent: true });
    clock.move(1);
    expect(refusal(health)).toBeUndefined();
    health.result(admit(health), failure({ code: 'ModelUnavailable', status: 404 }));
    health.relist(['other']);
    expect(refusal(health)).toBeDefined();
    health.relist(['other', 'm']);
    expect(refusal(health)).toBeUndefined();
  });

  it('a listed model that answers no chats is out however often it is listed', () => {
    const { health } = world();
    health.relist(['m']);
    health.result(admit(health), failure({ code: 'ModelUnavailable', status: 400 }));
    health.relist(['m']);
    expect(refusal(health)).toBeDefined();
  });

  it('a refused modality keeps only its items away', () => {
    const { health } = world();
    const picture: Inquiry = { ...ITEM, modality: 'vision' };
    health.result(admit(health, picture), failure({ code: 'ModalityRefused', status: 400 }));
    expect(refusal(health, picture)).toMatchObject({ code: 'ModalityRefused', unsent: true });
    expect(refusal(health, { ...ITEM, modality: 'audio' })).toBeUndefined();
    expect(refusal(health)).toBeUndefined();
  });

  it('has answered a modality once it has', () => {
    const { health } = world();
    expect(health.hasAnswered('m', 'vision')).toBe(false);
    health.result(admit(health, { ...ITEM, modality: 'vision' }));
    expect([health.hasAnswered('m', 'vision'), health.hasAnswered('m', 'text')]).toEqual([true, false]);
  });
});

describe('an endpoint that is away', () => {
  it('refuses requests to all its targets, from 1 s to 30 s at a time', () => {
    const { clock, health } = world();
    const waits: number[] = [];
    for (let n = 0; n < 7; n++) {
      health.result(admit(health), away());
      const wait = refusal(health, { ...ITEM, target: 'other' })?.retryAfterMs ?? 0;
      waits.push(wait / 1000);
      clock.move(wait);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30]);
  });

  const reset = () =>
    failure({ code: 'EndpointUnavailable', cause: Object.assign(new Error(), { code: 'ECONNRESET' }) });

  it('is not away because of single resets among answers, which are of the attempt, but of those of several prompts', () => {
    const { health } = world();
    const ask = (n: number) => admit(health, { ...ITEM, prompt: `prompt ${n}` });
    for (let n = 0; n < 20; n++) {
      const single = health.result(ask(n), n % RESETS_IN_A_ROW === 0 ? undefined : reset());
      if (n % RESETS_IN_A_ROW !== 0) expect(single).toMatchObject({ code: 'NetworkError', fault: 'attempt' });
    }
    health.answered();
    for (let n = 1; n < RESETS_IN_A_ROW; n++) health.result(ask(n), reset());
    expect(health.result(ask(0), reset())).toMatchObject({ code: 'EndpointUnavailable', fault: 'endpoint' });
    expect(refusal(health)).toMatchObject({ code: 'EndpointUnavailable', unsent: true, retryAfterMs: 1000 });
  });

  it('is not away because of one prompt whose connection is reset however often it is asked', () => {
    const { health } = world();
    const alone = { ...ITEM, hasOther: false };
    for (let n = 0; n < 20; n++) {
      expect(health.result(admit(health, alone), reset())).toMatchObject({ code: 'NetworkError', fault: 'attempt' });
    }
    expect(refusal(health, alone)).toBeUndefined();
  });

  it('is not away, but its target is out, if that alone resets connections', () => {
    const { health } = world();
    for (let n = 1; n < FAILURES_IN_A_ROW; n++) {
      expect(health.result(admit(health, { ...ITEM, prompt: `${n}` }), reset())).toMatchObject({ fault: 'attempt' });
      health.result(admit(health, { ...ITEM, target: 'other' }));
    }
    expect(health.result(admit(health), reset())).toMatchObject({ code: 'TargetUnavailable' });
    expect(refusal(health, { ...ITEM, target: 'other' })).toBeUndefined();
  });

  it('is there again with any answer, a bad one too', () => {
    const { clock, health } = world();
    health.result(admit(health), away());
    clock.move(1000);
    health.result(admit(health), broken());
    health.result(admit(health), away());
    expect(refusal(health)?.retryAfterMs).toBe(1000);
    health.answered();
    expect(refusal(health)).toBeUndefined();
  });

  it('lets the others go when its probe is on the way, not only when that is answered', async () => {
    const { clock, health } = world();
    health.result(admit(health), away());
    clock.move(1000);
    const probe = admit(health);
    const waiting = health.admit(ITEM);
    expect(waiting).toBeInstanceOf(Promise);
    health.sent(probe);
    const second = await waiting;
    health.result(probe, away());
    health.result(second, away());
    expect(refusal(health)?.retryAfterMs).toBe(2000);
  });
});
