import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * Spreads the files of each project evenly over the run, its long ones first. Suites of processes wait most of their time,
 * unit suites compute: one project after another would leave the machine idle at first and overload it in the end.
 */
export class MixedOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const projects = new Map<string, TestSpecification[]>();
    for (const file of await super.sort(files)) {
      projects.set(file.project.name, [...(projects.get(file.project.name) ?? []), file]);
    }
    return [...projects.values()]
      .flatMap((group) => group.map((file, index) => ({ file, place: index / group.length })))
      .sort((a, b) => a.place - b.place)
      .map(({ file }) => file);
  }
}
