package dev.callboard;

import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** A real {@code callboard dev} with the actor of examples/counter, as a process of its own. */
final class RealGateway implements AutoCloseable {
  private final Process process;
  private final Path project;
  private final String url;

  RealGateway() throws IOException {
    Path target = setting("callboard.target");
    Path program = built(target, "callboard");
    Path counter = built(target, "counter");
    Path protos = setting("callboard.root").resolve("examples/counter/proto");
    project = Files.createTempDirectory("callboard-java-");
    Files.writeString(
        project.resolve("callboard.toml"),
        String.format(
            "protos = \"%s\"%n%n[functions.counter]%ncommand = \"%s\"%n", protos, counter));
    String address = "127.0.0.1:" + freePort();
    url = "http://" + address;
    ProcessBuilder builder =
        new ProcessBuilder(
            program.toString(),
            "dev",
            project.toString(),
            "--listen=" + address,
            "--data=" + project.resolve("data"));
    builder.environment().keySet().removeIf(name -> name.startsWith("CALLBOARD_"));
    Path log = project.resolve("log");
    process = builder.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    awaitReady(log);
  }

  String url() {
    return url;
  }

  @Override
  public void close() throws IOException {
    process.destroy();
    try {
      if (!process.waitFor(20, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
    try (Stream<Path> files = Files.walk(project)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private void awaitReady(Path log) throws IOException {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
    while (!Files.readString(log).contains("Ctrl-C stops it")) {
      if (!process.isAlive() || System.nanoTime() > end) {
        throw new IOException("callboard dev does not serve:\n" + Files.readString(log));
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
  }

  private static Path setting(String name) {
    return Path.of(System.getProperty(name)).toAbsolutePath().normalize();
  }

  private static Path built(Path target, String name) throws IOException {
    Path program = target.resolve("debug").resolve(name);
    if (!Files.exists(program)) {
      throw new IOException(
          program + " is missing; build it: cargo build -p callboard-gateway -p counter");
    }
    return program;
  }

  /** A free port below those that outgoing connections take. */
  private static int freePort() throws IOException {
    int first = (int) (20_000 + ProcessHandle.current().pid() % 10_000);
    for (int port = first; port < 32_000; port++) {
      try (ServerSocket socket = new ServerSocket(port)) {
        return socket.getLocalPort();
      } catch (IOException e) {
        // It is taken.
        continue;
      }
    }
    throw new IOException("no port is free");
  }
}
