import assert from 'node:assert/strict';
import { textTable } from '#cli/output/text-table.js';

describe('a table', () => {
  const columns = [
    { head: 'NAME', cell: ({ name }: { name: string }) => name },
    { head: 'COUNT', align: 'right' as const, cell: ({ count }: { count: string }) => count },
    { head: 'LAST', cell: () => '-' },
  ];

  it('aligns its columns with two spaces between them', () => {
    const table = textTable(columns, [
      { name: 'a', count: '1' },
      { name: 'longer', count: '1000000' },
    ]);
    assert.equal(table, 'NAME      COUNT  LAST\na             1  -\nlonger  1000000  -\n');
  });

  it('gives a cell of several lines as many, and leaves no spaces at their ends', () => {
    assert.equal(textTable(columns, [{ name: 'a\nb', count: '1' }]), 'NAME  COUNT  LAST\na         1  -\nb\n');
  });

  it('has no first line when no column has a head', () => {
    const headless = columns.map((column) => ({ ...column, head: '' }));
    assert.equal(textTable(headless, [{ name: 'a', count: '1' }]), 'a  1  -\n');
  });

  it('takes 100,000 rows', () => {
    const rows = Array.from({ length: 100_000 }, (_, index) => ({ name: `name${index}`, count: '1' }));
    assert.equal(textTable(columns, rows).split('\n').length, 100_002);
  });
});
