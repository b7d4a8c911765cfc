/** A table as Markdown, aligned so that a terminal shows it as well: the first column to the left, numbers to the right. */
export function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [titles, ...rows];
  const widths = titles.map((_, column) => Math.max(2, ...cells.map((line) => line[column]?.length ?? 0)));
  const format = (line: readonly string[]): string => {
    const padded = line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    return `| ${padded.join(' | ')} |`;
  };
  const dashes = widths.map((length, column) => (column === 0 ? '-'.repeat(length) : `${'-'.repeat(length - 1)}:`));
  return [format(titles), format(dashes), ...rows.map(format)].join('\n');
}

/** Bytes as a cell. */
export function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
