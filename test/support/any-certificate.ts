/** Until it is disposed, Node takes any certificate where it is not told to check them. */
export function anyCertificateByEnvironment(): Disposable {
  const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  return {
    [Symbol.dispose]: () => {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    },
  };
}
