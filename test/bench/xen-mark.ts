/** What the line of a console begins with on which the times are. */
export const MARK = 'bench of Xen: ';
