import { Duplex } from 'node:stream';

/** A socket of which the test holds the other end. */
export class OtherEnd extends Duplex {
  /** Calls of these let what has been written leave. */
  readonly leave: (() => void)[] = [];

  setNoDelay(): this {
    return this;
  }

  override _read(): void {}

  override _write(_chunk: unknown, _encoding: string, callback: () => void): void {
    this.leave.push(callback);
  }
}
