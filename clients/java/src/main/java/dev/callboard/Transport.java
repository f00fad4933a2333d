package dev.callboard;

import io.grpc.CallCredentials;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ChannelCredentials;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ClientInterceptors;
import io.grpc.CompositeCallCredentials;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.MethodDescriptor;
import io.grpc.TlsChannelCredentials;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** How a client connects, and who it says it is. */
final class Transport {
  private final URI url;
  private final boolean isPlaintext;
  Duration keepAlive = Duration.ofSeconds(30);
  Supplier<String> tokens;
  String token;
  String apiKey;
  Path trusted;
  Path certificate;
  Path privateKey;
  Consumer<? super ManagedChannelBuilder<?>> configure = builder -> {};

  Transport(String text) {
    try {
      url = new URI(text);
    } catch (URISyntaxException e) {
      throw invalid(text, "it cannot be read");
    }
    isPlaintext = "http".equals(url.getScheme());
    if (!isPlaintext && !"https".equals(url.getScheme())) {
      throw invalid(text, "it begins neither with http:// nor with https://");
    }
    if (url.getHost() == null) {
      throw invalid(text, "it has no host");
    }
    boolean isRoot = url.getRawPath().isEmpty() || url.getRawPath().equals("/");
    if (!isRoot || url.getRawQuery() != null || url.getRawUserInfo() != null) {
      throw invalid(text, "there is more than a host and a port");
    }
  }

  /** A channel, which connects with its first call. */
  ManagedChannel connection() {
    int port = url.getPort() >= 0 ? url.getPort() : isPlaintext ? 80 : 443;
    String version = Transport.class.getPackage().getImplementationVersion();
    ManagedChannelBuilder<?> builder =
        Grpc.newChannelBuilderForAddress(url.getHost(), port, security())
            .keepAliveTime(keepAlive.toNanos(), TimeUnit.NANOSECONDS)
            .userAgent("callboard-java/" + (version == null ? "unreleased" : version))
            // This package decides what is tried again, not what DNS says.
            .disableRetry()
            .disableServiceConfigLookUp();
    configure.accept(builder);
    return builder.build();
  }

  /** A channel whose calls tell who calls. */
  Channel identified(Channel channel) {
    if (tokens == null && token == null && apiKey == null) {
      return channel;
    }
    CallCredentials identity = new Identity(tokens, token, apiKey);
    return ClientInterceptors.intercept(
        channel,
        new ClientInterceptor() {
          @Override
          public <Q, A> ClientCall<Q, A> interceptCall(
              MethodDescriptor<Q, A> method, CallOptions options, Channel next) {
            CallCredentials given = options.getCredentials();
            CallCredentials both =
                given == null ? identity : new CompositeCallCredentials(identity, given);
            return next.newCall(method, options.withCallCredentials(both));
          }
        });
  }

  private ChannelCredentials security() {
    if (isPlaintext) {
      if (trusted != null || certificate != null) {
        throw new IllegalArgumentException("certificates need a URL that begins with https://");
      }
      return InsecureChannelCredentials.create();
    }
    TlsChannelCredentials.Builder tls = TlsChannelCredentials.newBuilder();
    try {
      if (trusted != null) {
        tls.trustManager(trusted.toFile());
      }
      if (certificate != null) {
        tls.keyManager(certificate.toFile(), privateKey.toFile());
      }
    } catch (IOException e) {
      throw new IllegalArgumentException("a certificate cannot be read: " + e.getMessage(), e);
    }
    return tls.build();
  }

  private static IllegalArgumentException invalid(String url, String problem) {
    return new IllegalArgumentException(
        String.format(
            "\"%s\" is no URL of a gateway: %s; it looks like http://127.0.0.1:7070",
            url, problem));
  }
}
