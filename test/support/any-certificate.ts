const VARIABLE = 'NODE_TLS_REJECT_UNAUTHORIZED';

/** Until it is disposed, Node takes any certificate where it is not told to check them. */
export function anyCertificateByEnvironment(): Disposable {
  const before = process.env[VARIABLE];
  process.env[VARIABLE] = '0';
  return {
    [Symbol.dispose]: () => {
      if (before === undefined) delete process.env[VARIABLE];
      else process.env[VARIABLE] = before;
    },
  };
}
