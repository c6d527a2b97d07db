/** A DNS server on 127.0.0.1 that takes part in a contest; disposed, its process has ended. */
export interface Contestant extends AsyncDisposable {
  readonly label: string;
  readonly pid: number;
  readonly port: number;
  /** The label of the bare echo over the same transport: the least that it could cost. */
  readonly echo?: string;
}
