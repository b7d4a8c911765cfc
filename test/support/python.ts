import { spawnSync } from 'node:child_process';

/** Returns a Python that has these modules: `PYTHON`, else the one on the path. Without one, writes what is skipped. */
export function pythonWith(modules: readonly string[], skipped: string): string | undefined {
  const python = process.env.PYTHON ?? 'python3';
  const imports = `import ${modules.join(', ')}`;
  if (spawnSync(python, ['-c', imports], { stdio: 'ignore' }).status === 0) return python;
  process.stderr.write(`${python} cannot import ${modules.join(', ')}: ${skipped} is skipped\n`);
  return undefined;
}

/** Returns a Python that has Temporal's SDK. */
export function pythonWithTemporal(skipped: string): string | undefined {
  return pythonWith(['temporalio.worker'], skipped);
}
