import koffi from 'koffi';

/** An address in this process. */
export type Pointer = bigint;

/** The functions of the C library that this plugin calls, under their own names. */
export function loadC() {
  const library = koffi.load(null);
  const bind = <F extends (...parameters: never[]) => unknown>(definition: string): F =>
    library.func(definition) as unknown as F;
  return {
    calloc: bind<(count: number, size: number) => Pointer | null>('void *calloc(size_t count, size_t size)'),
    free: bind<(memory: Pointer) => void>('void free(void *memory)'),
    memset: bind<(memory: Pointer, byte: number, length: number) => Pointer>(
      'void *memset(void *memory, int byte, size_t length)',
    ),
    /** Copies C memory into a buffer. */
    memcpy: bind<(to: Uint8Array, from: Pointer, length: number) => Pointer>(
      'void *memcpy(_Out_ uint8_t *to, const void *from, size_t length)',
    ),
    memfd_create: bind<(name: string, flags: number) => number>('int memfd_create(const char *name, uint flags)'),
    fdopen: bind<(descriptor: number, mode: string) => Pointer | null>(
      'void *fdopen(int descriptor, const char *mode)',
    ),
  };
}

export type CLibrary = ReturnType<typeof loadC>;
