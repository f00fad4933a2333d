package dev.callboard.conformance;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * The conformance driver of the Java client: it reads operations as lines of JSON, does them with
 * the client, and writes what comes, as conformance/README.md says.
 */
public final class Main {
  private static final PrintStream OUT = new PrintStream(System.out, false, StandardCharsets.UTF_8);

  private Main() {}

  /**
   * Runs until the input ends.
   *
   * @param args none
   * @throws IOException when the input cannot be read
   * @throws InterruptedException when the thread is interrupted
   */
  public static void main(String[] args) throws IOException, InterruptedException {
    JsonObject ready = new JsonObject();
    ready.addProperty("ready", true);
    ready.addProperty("language", "java");
    write(ready);
    ExecutorService threads = Executors.newCachedThreadPool();
    Driver driver = new Driver(threads);
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JsonObject operation = JsonParser.parseString(line).getAsJsonObject();
      // What must keep the order of the lines is done here; the rest beside the others.
      CompletableFuture<JsonObject> result =
          driver.begin(operation.get("op").getAsString(), operation.getAsJsonObject("args"));
      result.whenComplete((ok, failed) -> write(answer(operation, ok, failed)));
    }
    driver.close();
    threads.shutdown();
    threads.awaitTermination(15, TimeUnit.SECONDS);
  }

  private static JsonObject answer(JsonObject operation, JsonObject ok, Throwable failed) {
    JsonObject answer = new JsonObject();
    answer.add("id", operation.get("id"));
    if (failed == null) {
      answer.add("ok", ok);
    } else {
      answer.add("error", Answers.error(failed));
    }
    return answer;
  }

  private static synchronized void write(JsonObject line) {
    OUT.println(Answers.GSON.toJson(line));
    OUT.flush();
  }
}
