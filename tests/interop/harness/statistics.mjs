/** What is said of many latencies, and tables of it. */

/** The value below which so many of a hundred lie; `NaN` of none. */
export const percentile = (values, percent) => {
  const sorted = Float64Array.from(values).sort()
  return sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * percent / 100) - 1)]
}

/** A table as Markdown reads it. */
export const table = (rows) => {
  const columns = Object.keys(rows[0])
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map((row) => line(columns.map((column) => row[column])))].join('\n')
}
