#pragma once
// Every bound on what crosses a trust boundary, in one place. Sizes in bytes unless the name says
// otherwise.

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace agent_secrets::limits {

// Secret sets and agents. Where Pipecat Cloud has a limit, ours is equal (docs/compatibility.md).
inline constexpr std::size_t kSetNameMin = 3;
inline constexpr std::size_t kSetNameMax = 63;
inline constexpr std::size_t kKeyNameMax = 64;
inline constexpr std::size_t kKeysPerSet = 1024;
inline constexpr std::size_t kSetBytes = 1024uz * 1024;
inline constexpr std::size_t kAgentNameMax = 54;

// Names that people give: display names, tokens, API keys. E-mail addresses: RFC 5321 section
// 4.5.3.
inline constexpr std::size_t kTitleMax = 128;
inline constexpr std::size_t kEmailMax = 254;
inline constexpr std::int64_t kApiKeys = 5;  // live keys of an organization, of each type

// One environment string, `KEY=value` and its NUL: MAX_ARG_STRLEN, 32 pages (execve(2)).
inline constexpr std::size_t kEnvironmentString = 131072;

// Values that the injector puts into files (--file), and the path of such a file.
inline constexpr std::size_t kSecretFiles = 64;
inline constexpr std::size_t kSecretFilePath = 1024;

// HTTP, both sides.
inline constexpr std::size_t kRequestBody = 4uz * 1024 * 1024;
inline constexpr std::size_t kRequestHeader = 32uz * 1024;
inline constexpr std::size_t kResponseBody = 4uz * 1024 * 1024;

// Sharing the control plane's server between its clients (control-plane/http). An account is one
// token, API key or credential; a stranger is a connection that has not yet authenticated.
inline constexpr std::size_t kRequestBodies = 16 * kRequestBody;  // being received, of all accounts
inline constexpr std::size_t kAnswers = 64uz * 1024 * 1024;  // not yet written, of all accounts
inline constexpr std::size_t kSmallAnswer = 4uz * 1024;      // smaller answers are not counted
inline constexpr int kSendBuffer = 128 * 1024;  // of a connection, in the kernel, which doubles it
inline constexpr std::size_t kInstanceBody = 16uz * 1024;  // the instance API reads no body
inline constexpr std::size_t kSmallBody = kInstanceBody;   // within the bound of every route
inline constexpr int kReadsPerAddress = 3;                 // requests of strangers, running at once
inline constexpr int kReadsPerAccount = 2;   // GET and HEAD of an account, running at once
inline constexpr int kWritesPerAccount = 1;  // every other method of an account
inline constexpr std::chrono::seconds kStrangerTime{10};  // for the handshake, then for a header
inline constexpr std::chrono::seconds kBusyRetry{2};      // Retry-After when a share is used up
inline constexpr std::chrono::seconds kWatchRetry{15};    // Retry-After for a long poll

// Failed authentication, counted by the minute for each address and for each key id.
inline constexpr int kFailuresPerMinute = 60;
inline constexpr std::size_t kFailureEntries = 1024;  // addresses, and key ids, with a counter
inline constexpr int kFailureLines = 20;              // log lines a minute about them

// Guarded memory that a server keeps for its next requests (core/secret_pool.h). It counts towards
// RLIMIT_MEMLOCK, which is 8 MiB by default.
inline constexpr std::size_t kSecretPool = 4uz * 1024 * 1024;

// Sealed blocks of bundles that a server keeps for the next request (instance-api/sealed_blocks.h).
inline constexpr std::size_t kSealedBlocks = 16uz * 1024 * 1024;

// Instance API.
inline constexpr std::size_t kCredential = 64uz * 1024;
inline constexpr std::size_t kPublicHalf = 4uz * 1024;  // of a credential, and what it is for
inline constexpr std::size_t kCredentialUrls = 8;
inline constexpr std::size_t kUrl = 2048;       // a base URL, and the path and query of a request
inline constexpr std::size_t kWireName = 128;   // an organization, agent, deployment or region
inline constexpr std::size_t kBundleSets = 64;  // sets that one bundle merges
inline constexpr std::size_t kVerificationKeys = 8;
inline constexpr std::size_t kKeyIdMax = 64;
inline constexpr std::size_t kNonceMax = 64;
inline constexpr std::size_t kProof = 16uz * 1024;
inline constexpr std::size_t kInstanceIdMax = 64;
inline constexpr std::size_t kBundle = kResponseBody;
inline constexpr std::size_t kSealedPadding = 256;
inline constexpr std::chrono::seconds kClockSkew{300};
inline constexpr std::chrono::seconds kWatchWaitMax{50};

// Region nodes (serve --only-region): bytes in the file of a region's keys, and data keys in it.
inline constexpr std::size_t kRegionKeys = 16uz * 1024;
inline constexpr std::size_t kRegionDataKeys = 64;

// Keys (control-plane/keys). The command of --master-key-command: how long it may run, and how much
// of its standard error an error repeats. A rotation of data keys encrypts so many values of the
// catalog in one transaction. A region announces so many signing keys (core/key_announcement.h).
inline constexpr std::chrono::milliseconds kKeyCommandTime{30'000};
inline constexpr std::size_t kKeyCommandError = 1024;
inline constexpr std::chrono::milliseconds kMasterKeyReread{5'000};  // between two readings
inline constexpr std::size_t kReencryptedValues = 64;
inline constexpr std::size_t kKeyAnnouncements = 8;
inline constexpr std::size_t kKeyAnnouncement = 1024;  // bytes
inline constexpr std::size_t kAnnouncements = kKeyAnnouncements * (kKeyAnnouncement + 1);

// What `doctor` warns of: less free disk space, a clock that differs more from the database's, an
// older last backup, a certificate that ends sooner; and how long it waits for a notice of the
// database.
inline constexpr std::uint64_t kDoctorFreeDisk = 1024ULL * 1024 * 1024;
inline constexpr std::chrono::seconds kDoctorClock{5};
inline constexpr std::chrono::hours kDoctorBackup{7 * 24};
inline constexpr std::chrono::hours kDoctorCertificate{14 * 24};
inline constexpr std::chrono::seconds kDoctorNotice{5};

// Deploy commands (serve --on-deploy) and the part of their output that is kept. One organization
// runs at most kRolloutsOfOrganization at once, and the last kRolloutsReserve places go to
// organizations that run none: slow commands of one organization leave places for the others.
inline constexpr std::size_t kRolloutsAtOnce = 8;
inline constexpr std::size_t kRolloutsOfOrganization = 2;
inline constexpr std::size_t kRolloutsReserve = 2;
inline constexpr int kRolloutLines = 50;
inline constexpr std::int64_t kEventsPerAgent = 200;

// The name of a deploy command's target: one DNS label (RFC 1123).
inline constexpr std::size_t kDeployNameMax = 63;

// An image reference: the bounds of the distribution project's grammar.
inline constexpr std::size_t kImageReferenceMax = 512;  // the whole reference
inline constexpr std::size_t kImageNameMax = 255;       // registry and repository
inline constexpr std::size_t kImageTagMax = 128;
inline constexpr std::size_t kImageDigestMax = 160;   // "sha512:" and 128 digits, and some more
inline constexpr std::size_t kRegistryHostMax = 512;  // of an image pull secret, with a path

// The fleet view. A watched instance sends a request every kWatchWaitMax, or after a pause of at
// most a minute when it was refused or disconnected. After kInstanceSilent without a request it
// counts as ended.
inline constexpr std::size_t kInstancesPerAgent = 10'000;
// Reports of a region's instances that are not yet stored; and how many of these, each with another
// sequence, one instance id may have.
inline constexpr std::size_t kInstanceReportsPending = 20'000;
inline constexpr std::size_t kSequencesPending = 4;
inline constexpr std::int64_t kActiveSessionsMax = 1'000'000;  // larger values are clamped
inline constexpr std::chrono::seconds kInstanceSilent{150};
inline constexpr std::chrono::hours kInstanceForgotten{24};
inline constexpr std::chrono::hours kDeveloperRun{24};    // after its start, then it is forgotten
inline constexpr std::chrono::seconds kListeningGap{30};  // a longer gap is server downtime

// The key of a developer's run (secret-injector --agent), which the control plane accepts for some
// hours. Over kDevelopKeysOfActor, the key that expires first is removed for a new key.
inline constexpr std::chrono::hours kDevelopKey{8};  // unless --expires says otherwise
inline constexpr std::chrono::hours kDevelopKeyMax{24};
inline constexpr std::chrono::hours kDevelopKeyKept{24};     // in lists, after it has ended
inline constexpr std::int64_t kDevelopKeysOfActor = 8;       // live, of one agent
inline constexpr std::int64_t kDevelopKeys = 200;            // live, of one agent
inline constexpr std::size_t kCliCredentials = 64uz * 1024;  // the official CLI's file
inline constexpr std::size_t kBearerMax = 256;               // a token or an API key

// What one organization may store, so that no organization fills the disk (docs/limits.md). A write
// over one of these limits is refused.
inline constexpr std::int64_t kSetsPerOrganization = 1000;  // image pull secrets included
inline constexpr std::int64_t kKeysPerOrganization = 20'000;
inline constexpr std::int64_t kBytesPerOrganization = std::int64_t{64} * 1024 * 1024;
inline constexpr std::int64_t kAgentsPerOrganization = 200;
inline constexpr std::int64_t kDeletedUnconfirmed = 1000;  // not yet confirmed by a region
inline constexpr std::size_t kDeploymentSettings = 4096;   // bytes, of one deployment
inline constexpr std::int64_t kTokens = 200;       // live tokens, of an organization or of a user
inline constexpr std::int64_t kCredentials = 100;  // live credentials of an agent
inline constexpr std::int64_t kMembers = 1000;
// Over one of these limits the oldest rows are removed.
inline constexpr std::int64_t kDeploymentsKept = 64;     // of an agent
inline constexpr std::int64_t kDeletedAgentsKept = 100;  // of an organization
inline constexpr std::int64_t kRevokedKept = 100;  // tokens, API keys; credentials of an agent
inline constexpr std::size_t kEventText = 1024;
inline constexpr std::int64_t kFingerprintsKept = 16;  // versions of a set, besides those in use

// Disk space kept for revocations and deletions on a full disk
// (control-plane/database/disk_reserve.h).
inline constexpr std::size_t kDiskReserve = 16uz * 1024 * 1024;

// The log: bytes of lines that wait for a reader (in each program), and how long the end of a
// program waits for them.
inline constexpr std::size_t kLogQueue = 256uz * 1024;
inline constexpr std::chrono::milliseconds kLogFlush{1'000};

// Provisioning.
inline constexpr std::chrono::milliseconds kQuietPeriod{500};
inline constexpr std::chrono::milliseconds kQuietPeriodMax{10'000};

// Several processes on one database (control-plane/replica). The database keeps a lease for
// kLeaseTime after the last renewal. Its holder trusts it for kLeaseTrust only, then ends what it
// has begun: it kills its deploy commands, and after kLeaseGrace their supervisors do.
inline constexpr std::chrono::milliseconds kLeaseTime{10'000};
inline constexpr std::chrono::milliseconds kLeaseTrust{8'000};
inline constexpr std::chrono::milliseconds kLeaseGrace{1'000};
inline constexpr std::chrono::milliseconds kLeaseRenewal{3'000};
inline constexpr std::chrono::milliseconds kLeaseRetry{1'000};  // to take it, or after an error

// The service (control-plane/serve.h). kReadyLag: how far a region may be behind the catalog before
// the server that provisions it is not ready (GET /readyz).
inline constexpr std::chrono::seconds kReadyLag{60};
inline constexpr std::size_t kListenAddresses = 16;  // --listen, and sockets of the service manager
inline constexpr std::size_t kLogLevelFile = 64;     // --log-level-file
inline constexpr std::chrono::milliseconds kNotifyTime{1'000};  // for one message of sd_notify(3)

// A backup (control-plane/backup): its databases, the tables of one of them, and its manifest.
inline constexpr std::size_t kBackupParts = 1024;
inline constexpr std::size_t kBackupTables = 256;
inline constexpr std::size_t kBackupManifest = 4uz * 1024 * 1024;

// `move` and backups (control-plane/database/tables.h): how many rows of a table are in memory at
// once (a row has at most one value of a secret), and how long such a transaction may be idle
// before the database ends it and releases its locks, or its view of the data.
inline constexpr std::size_t kCopiedRows = 100;
inline constexpr std::chrono::hours kMoveTime{24};

// Following changes that other processes make (control-plane/replica, control-plane/database).
inline constexpr std::chrono::milliseconds kLookEvery{1'000};  // without a hint that there are any
inline constexpr std::chrono::milliseconds kLookGap{20};       // between two looks at a region
inline constexpr std::chrono::milliseconds kListenerProbe{10'000};  // of a listening connection

// The audit log (control-plane/audit). Chaining and checkpoints follow the log every
// kAuditChainEvery and kAuditCheckpointEvery. kAuditRefusals: addresses that are counted in one
// minute; further addresses share one counter. kAuditPending: records of bundles that wait to be
// written (serve --audit-bundles=best-effort).
inline constexpr std::size_t kAuditText = 1024;   // bytes of the object or the detail of a record
inline constexpr std::int64_t kAuditBatch = 500;  // records that are read or chained at once
inline constexpr std::int64_t kAuditPage = 100;   // records of one answer of the REST API
inline constexpr std::size_t kAuditCheckpoint = 1024;  // bytes of a signed statement
inline constexpr std::size_t kAuditCheckpointFile = 1024uz * 1024;
inline constexpr std::size_t kAuditRefusals = 1024;
inline constexpr std::size_t kAuditPending = 10'000;
inline constexpr std::chrono::milliseconds kAuditChainEvery{1'000};
inline constexpr std::chrono::seconds kAuditCheckpointEvery{60};

// The injector's cache directory: the size of the file with the roll-back memory, and how many
// bundles are read to find a sequence if that file is missing.
inline constexpr std::size_t kSequenceMemory = 512;
inline constexpr std::size_t kCachedBundles = 64;
inline constexpr std::size_t kCachedBundle = kBundle + 1 + kAnnouncements;

// What the injector looks at of the place that it starts in: descriptors that one variable may
// promise, directories in which a `.env` is looked for, the size of one that is read, and how many
// of its keys a warning names.
inline constexpr std::size_t kPromisedDescriptors = 1024;
inline constexpr std::size_t kDotenvDirectories = 64;
inline constexpr std::size_t kDotenvFile = 1024uz * 1024;
inline constexpr std::size_t kDotenvKeysNamed = 10;

}  // namespace agent_secrets::limits
