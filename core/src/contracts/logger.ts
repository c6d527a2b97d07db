/** A structured log. The fields come first, as in pino, whose loggers satisfy this interface. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds these fields to each of its entries. */
  child(fields: object): Logger;
}
