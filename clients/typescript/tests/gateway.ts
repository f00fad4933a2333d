/** A real gateway with the counter, for the tests that need one. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A file that ./test names; without it there is nothing to test. */
function built(variable: string, build: string): string {
  const path = process.env[variable];
  if (path === undefined || !existsSync(path)) {
    throw new Error(`${variable} is ${path ?? "not set"}; build it with: ${build}`);
  }
  return path;
}

export class Gateway {
  private constructor(
    readonly url: string,
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(...flags: string[]): Promise<Gateway> {
    const callboard = built("CALLBOARD_BINARY", "cargo build -p callboard-gateway");
    const counter = built(
      "CALLBOARD_COUNTER",
      "cargo build --manifest-path examples/counter/Cargo.toml",
    );
    const protos = built("CALLBOARD_COUNTER_PROTO", "git checkout");
    const folder = mkdtempSync(join(tmpdir(), "callboard-typescript-"));
    const project = `protos = "${protos}"\n\n[functions.counter]\ncommand = "${counter}"\n`;
    writeFileSync(join(folder, "callboard.toml"), project);
    const listen = `127.0.0.1:${String(await freePort())}`;
    const args = ["dev", folder, `--listen=${listen}`, `--data=${join(folder, "data")}`, ...flags];
    const gateway = spawn(callboard, args, {
      stdio: ["ignore", "pipe", "pipe"],
      // What the environment says to a gateway is not meant for this one.
      env: { PATH: process.env.PATH },
    });
    await serves(gateway);
    return new Gateway(`http://${listen}`, gateway, folder);
  }

  async stop(): Promise<void> {
    this.process.kill("SIGINT");
    if (this.process.exitCode === null) await once(this.process, "exit");
    rmSync(this.folder, { recursive: true });
  }
}

async function serves(process: ChildProcess): Promise<void> {
  const said: string[] = [];
  for (const output of [process.stdout, process.stderr]) {
    if (output === null) throw new Error("its output is read");
    const lines = createInterface({ input: output });
    lines.on("line", (line) => said.push(line));
    lines.on("line", (line) => {
      if (line.includes("Ctrl-C stops it")) process.emit("message", "serves", undefined);
    });
  }
  const ended = once(process, "exit").then(() => {
    throw new Error(`callboard dev has ended:\n${said.join("\n")}`);
  });
  await Promise.race([once(process, "message"), ended]);
}

/** A free port below those that outgoing connections take. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const probe = createConnection({ port, host: "127.0.0.1" });
    const taken = await new Promise<boolean>((resolve) => {
      probe.once("connect", () => {
        resolve(true);
      });
      probe.once("error", () => {
        resolve(false);
      });
    });
    probe.destroy();
    if (!taken) return port;
  }
}
