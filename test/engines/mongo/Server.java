import de.bwaldvogel.mongo.MongoCollection;
import de.bwaldvogel.mongo.MongoDatabase;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.CollectionOptions;
import de.bwaldvogel.mongo.backend.CursorRegistry;
import de.bwaldvogel.mongo.backend.DocumentWithPosition;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import de.bwaldvogel.mongo.backend.h2.H2Collection;
import de.bwaldvogel.mongo.backend.h2.H2Database;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.bson.ObjectId;
import de.bwaldvogel.mongo.exception.MongoServerException;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import io.netty.channel.Channel;
import java.net.InetSocketAddress;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.h2.mvstore.MVMap;
import org.h2.mvstore.MVStore;

/**
 * A server of MongoDB's protocol for tests: mongo-java-server on a file, with what it lacks and the adapters rely on.
 * `hello`; writes durable before they are acknowledged; and with --replica-set NAME a set of one member with retryable
 * writes and transactions. A transaction holds the one lock there is, so it is serial, and is rolled back for real.
 * Faults: `configureFailPoint: failCommand`, as mongod with test commands has it (times, namespace, code, labels, closed connection);
 * `after: true` in its data is ours: the command is carried out, and its answer lost. `replSetStepDown: seconds` as there.
 */
public final class Server extends H2Backend {
  private static final Set<String> writes = Set.of("insert", "update", "delete", "findAndModify", "create", "drop", "createIndexes", "dropIndexes", "dropDatabase", "renameCollection");
  private static final long transactionMaxMs = 10_000;
  private static final int workers = 64;

  private final MVStore store;
  private final int wire;
  private final String set;
  private volatile String address = "";
  private volatile long steppedDownUntil = 0;
  /** Later elections have greater ids: a driver believes no primary with a smaller one. */
  private final ObjectId election = new ObjectId(HexFormat.of().parseHex(String.format("%024x", System.currentTimeMillis())));

  /** Whoever writes or reads holds it; a transaction from its first command to its last. */
  private final Semaphore lock = new Semaphore(1, true);
  private volatile Transaction open;
  private volatile boolean stopping;
  /** Of each session: its last retryable write and what was answered. */
  private final Map<Object, Answered> answered = new ConcurrentHashMap<>();
  private volatile Fault fault;

  private record Transaction(Object session, long number, long version, Channel channel, long since) {}
  private record Answered(long number, Document answer) {}
  private record Fault(int times, List<String> commands, Integer code, List<String> labels, String namespace, boolean close, boolean after) {}

  private Server(MVStore store, List<Integer> version, int wire, String set) {
    super(store);
    this.store = store;
    this.wire = wire;
    this.set = set;
    version(new MongoVersion() {
      @Override public List<Integer> getVersionArray() { return version; }
      @Override public int getWireVersion() { return wire; }
    });
  }

  public static void main(String[] args) throws Exception {
    Map<String, String> options = new HashMap<>();
    for (int i = 0; i + 1 < args.length; i += 2) options.put(args[i].substring(2), args[i + 1]);
    MVStore store = new MVStore.Builder().fileName(options.get("file")).autoCommitDisabled().open();
    List<Integer> version = Arrays.stream(options.getOrDefault("version", "6.0.0").split("\\.")).map(Integer::valueOf).toList();
    Server backend = new Server(store, version, Integer.parseInt(options.getOrDefault("wire", "17")), options.get("replica-set"));
    MongoServer server = new MongoServer(backend);
    server.bind(new InetSocketAddress("127.0.0.1", Integer.parseInt(options.getOrDefault("port", "0"))), 1, workers);
    backend.address = "127.0.0.1:" + server.getLocalAddress().getPort();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      backend.stopAnswering();
      server.shutdownNow();
    }));
    System.out.println("listening on " + backend.address);
  }

  @Override
  public Document handleMessage(MongoMessage message) {
    Document command = message.getDocument();
    String name = command.keySet().iterator().next();
    switch (name) {
      case "hello": case "isMaster": case "ismaster": return hello();
      case "ping": return okay();
      case "configureFailPoint": return configure(command);
      case "replSetStepDown": steppedDownUntil = System.currentTimeMillis() + number(command.get(name)) * 1000; return okay();
      case "endSessions": case "killSessions": return okay();
      default: break;
    }
    if (set != null && System.currentTimeMillis() < steppedDownUntil) return error(10107, "NotWritablePrimary", "stepped down", command.get("txnNumber") == null ? List.of() : List.of("RetryableWriteError"));
    Fault hit = takeFault(name, command.get("$db") + "." + command.get(name));
    if (hit != null && !hit.after) {
      Transaction current = open;
      if (hit.labels.contains("TransientTransactionError") && current != null && current.session.equals(command.get("lsid"))) rollBack();
      return failed(hit, message.getChannel());
    }
    Document answer = answer(message, command, name);
    return hit == null ? answer : failed(hit, message.getChannel());
  }

  /** The handshake of a driver comes the old way, as a query. */
  @Override
  public Document handleCommand(Channel channel, String database, String command, Document query) {
    return command.equalsIgnoreCase("isMaster") || command.equals("hello") ? hello() : super.handleCommand(channel, database, command, query);
  }

  private Document hello() {
    Document hello = new Document("helloOk", true);
    boolean primary = set == null || System.currentTimeMillis() >= steppedDownUntil;
    hello.put("ismaster", primary);
    hello.put("isWritablePrimary", primary);
    if (set != null) {
      hello.put("setName", set);
      hello.put("setVersion", 1);
      hello.put("hosts", List.of(address));
      hello.put("me", address);
      hello.put("secondary", !primary);
      if (primary) hello.put("primary", address);
      if (primary) hello.put("electionId", election);
      hello.put("logicalSessionTimeoutMinutes", 30);
    }
    hello.put("maxBsonObjectSize", 16 * 1024 * 1024);
    hello.put("maxMessageSizeBytes", 48_000_000);
    hello.put("maxWriteBatchSize", 100_000);
    hello.put("localTime", Instant.now());
    hello.put("minWireVersion", 0);
    hello.put("maxWireVersion", wire);
    hello.put("ok", 1.0);
    return hello;
  }

  private Document answer(MongoMessage message, Document command, String name) {
    Object session = command.get("lsid");
    long number = number(command.get("txnNumber"));
    boolean inTransaction = Boolean.FALSE.equals(command.get("autocommit"));
    if (name.equals("commitTransaction") || name.equals("abortTransaction")) return end(session, number, name.equals("commitTransaction"));
    if (inTransaction) return inside(message, command, name, session, number);
    acquire();
    try {
      if (stopping) return shuttingDown();
      Answered before = session == null || number < 0 ? null : answered.get(session);
      if (before != null && before.number == number) return before.answer;
      Document answer = carriedOut(message, name);
      // As with `writeConcernMajorityJournalDefault`: what is acknowledged outlives a killed process.
      if (writes.contains(name)) store.commit();
      if (session != null && number >= 0) answered.put(session, new Answered(number, answer));
      return answer;
    } finally {
      lock.release();
    }
  }

  private Document carriedOut(MongoMessage message, String name) {
    Document answer;
    try {
      answer = super.handleMessage(message);
    } catch (MongoServerException failed) {
      // The library says so without the code that MongoDB's own answer has, and callers go by the code.
      if (name.equals("drop") && "ns not found".equals(failed.getMessage())) return error(26, "NamespaceNotFound", failed.getMessage(), List.of());
      throw failed;
    }
    // A write that names no documents left to write is answered by the library without its count.
    return answer == null ? okay() : answer;
  }

  /** One command of a transaction; the first one takes the lock. */
  private Document inside(MongoMessage message, Document command, String name, Object session, long number) {
    Transaction current = open;
    if (Boolean.TRUE.equals(command.get("startTransaction"))) {
      if (!tryAcquire()) return error(112, "WriteConflict", "another transaction is open", List.of("TransientTransactionError"));
      if (stopping) {
        lock.release();
        return shuttingDown();
      }
      store.commit();
      open = current = new Transaction(session, number, store.getCurrentVersion(), message.getChannel(), System.currentTimeMillis());
    }
    // Nobody rolls back in the middle of a command: what it writes afterwards would stay.
    synchronized (this) {
      if (open != current || current == null || !current.session.equals(session) || current.number != number) return error(251, "NoSuchTransaction", "no such transaction", List.of("TransientTransactionError"));
      try {
        Document answer = carriedOut(message, name);
        // Any failure ends a transaction.
        Collection<?> errors = (Collection<?>) answer.get("writeErrors");
        if (errors != null && !errors.isEmpty()) rollBack();
        return answer;
      } catch (MongoServerException failed) {
        rollBack();
        throw failed;
      }
    }
  }

  private synchronized Document end(Object session, long number, boolean commit) {
    Transaction current = open;
    if (current == null || !current.session.equals(session) || current.number != number) {
      Answered before = answered.get(session);
      if (commit && before != null && before.number == number) return before.answer;
      return error(251, "NoSuchTransaction", "no such transaction", commit ? List.of("TransientTransactionError") : List.of());
    }
    if (!commit) {
      rollBack();
      return okay();
    }
    store.commit();
    answered.put(session, new Answered(number, okay()));
    open = null;
    lock.release();
    return okay();
  }

  private synchronized void rollBack() {
    Transaction current = open;
    if (current == null) return;
    store.rollbackTo(current.version);
    open = null;
    lock.release();
  }

  /** Closing the library's store writes what is in it, a half transaction, too: so what is open is undone, and what runs comes to its end, first. */
  private void stopAnswering() {
    rollBack();
    lock.acquireUninterruptibly();
    stopping = true;
    lock.release();
  }
  private static Document shuttingDown() {
    return error(91, "ShutdownInProgress", "shutting down", List.of("RetryableWriteError"));
  }

  @Override
  public void handleClose(Channel channel) {
    Transaction current = open;
    if (current != null && current.channel == channel) rollBack();
    super.handleClose(channel);
  }

  private boolean tryAcquire() {
    try {
      Transaction current = open;
      if (current != null && System.currentTimeMillis() - current.since > transactionMaxMs) rollBack();
      return lock.tryAcquire(transactionMaxMs, TimeUnit.MILLISECONDS);
    } catch (InterruptedException interrupted) {
      throw new IllegalStateException(interrupted);
    }
  }
  private void acquire() {
    while (!tryAcquire()) if (open == null) throw new IllegalStateException("a command takes too long");
  }

  private Document configure(Document command) {
    Object mode = command.get("mode");
    Document data = (Document) command.getOrDefault("data", new Document());
    if (!(mode instanceof Document)) {
      fault = null;
      return okay();
    }
    List<String> commands = ((Collection<?>) data.getOrDefault("failCommands", List.of())).stream().map(String::valueOf).toList();
    List<String> labels = ((Collection<?>) data.getOrDefault("errorLabels", List.of())).stream().map(String::valueOf).toList();
    Integer code = data.get("errorCode") == null ? null : (int) number(data.get("errorCode"));
    fault = new Fault((int) number(((Document) mode).get("times")), commands, code, labels, (String) data.get("namespace"), Boolean.TRUE.equals(data.get("closeConnection")), Boolean.TRUE.equals(data.get("after")));
    return okay();
  }

  private synchronized Fault takeFault(String name, String namespace) {
    Fault current = fault;
    if (current == null || !current.commands.contains(name) || (current.namespace != null && !current.namespace.equals(namespace))) return null;
    fault = current.times > 1 ? new Fault(current.times - 1, current.commands, current.code, current.labels, current.namespace, current.close, current.after) : null;
    return current;
  }

  private static Document failed(Fault fault, Channel channel) {
    if (fault.close) channel.close();
    return error(fault.code == null ? 6 : fault.code, "Injected", "injected by the test", fault.labels);
  }

  @Override
  protected MongoDatabase openOrCreateDatabase(String name) {
    return new H2Database(name, getMvStore(), getCursorRegistry()) {
      @Override
      protected MongoCollection<Object> openOrCreateCollection(String collection, CollectionOptions options) {
        String full = name + "." + collection;
        return new Unshared(this, collection, options, getMvStore().openMap("databases." + full), getMvStore().openMap("meta." + full), cursorRegistry);
      }
    };
  }

  /** Documents as copies: the library changes the stored object itself, which no rollback would undo. */
  private static final class Unshared extends H2Collection {
    private final MVMap<Object, Document> documents;

    Unshared(MongoDatabase database, String name, CollectionOptions options, MVMap<Object, Document> documents, MVMap<String, Object> meta, CursorRegistry cursors) {
      super(database, name, options, documents, meta, cursors);
      this.documents = documents;
    }
    @Override
    protected Document getDocument(Object position) {
      Document document = super.getDocument(position);
      return document == null ? null : document.cloneDeeply();
    }
    @Override
    protected Stream<DocumentWithPosition<Object>> streamAllDocumentsWithPosition() {
      return documents.entrySet().stream().map(entry -> new DocumentWithPosition<>(entry.getValue().cloneDeeply(), entry.getKey()));
    }
    @Override
    protected QueryResult matchDocuments(Document query, Document orderBy, int skip, int limit, int batchSize, Document fields) {
      return matchDocumentsFromStream(candidates(query).filter(document -> documentMatchesQuery(document, query)).map(Document::cloneDeeply), query, orderBy, skip, limit, batchSize, fields);
    }
    /** The library uses an index only where a query names its fields and no others: one document by its id is found here. */
    private Stream<Document> candidates(Document query) {
      Object id = query.get("_id");
      if (!(id instanceof String)) return documents.values().stream();
      Document document = documents.get(id);
      return document == null ? Stream.empty() : Stream.of(document);
    }
  }

  private static Document okay() {
    return new Document("ok", 1.0);
  }
  private static Document error(int code, String codeName, String message, List<String> labels) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("ok", 0.0);
    fields.put("errmsg", message);
    fields.put("code", code);
    fields.put("codeName", codeName);
    if (!labels.isEmpty()) fields.put("errorLabels", labels);
    Document error = new Document();
    error.putAll(fields);
    return error;
  }
  private static long number(Object value) {
    return value instanceof Number n ? n.longValue() : -1;
  }
}
