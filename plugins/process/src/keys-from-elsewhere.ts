const FOLDER = "'cwd' is the key for that.";
const ENDS = 'There is no such key: what has ended is started again by the next query for its name.';
const PORTS =
  "There is no such key: the program itself listens at the address under 'ip', or Jitsu does for it by 'listen', and 'ready' names its port.";

/** Keys of a service for systemd, Docker Compose and their like, in camelCase, and what is written in their place. */
export const KEYS_FROM_ELSEWHERE: Readonly<Record<string, string>> = {
  environment: "'env' is the key for that.",
  envFile: "'environmentFile' is the key for that.",
  exec: "'command' is the key for that.",
  execStart: "'command' is the key for that.",
  args: "They are part of 'command', a list of the program and its arguments.",
  dir: FOLDER,
  directory: FOLDER,
  workdir: FOLDER,
  workingDir: FOLDER,
  workingDirectory: FOLDER,
  uid: "'user' is the key for that.",
  group: "'groups' is the key for that.",
  port: PORTS,
  ports: PORTS,
  listenStream: "'listen' is the key for that: listen: 'tcp:8080'.",
  listenDatagram: "'listen' is the key for that: listen: 'udp:5353'.",
  sockets: "'listen' is the key for that: listen: 'tcp:8080'.",
  healthcheck: "'ready' is the key for that, and 'watch' has it looked at again.",
  restart: ENDS,
};
