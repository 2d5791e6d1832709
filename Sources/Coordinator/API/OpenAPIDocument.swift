// swift-format-ignore-file
// Made by scripts/embed-openapi.sh; docs/openapi.yaml is the original.

/// What `GET /openapi.yaml` answers.
enum OpenAPIDocument {
  static let text = #"""
openapi: 3.1.0
info:
  title: Baton coordinator
  version: 0.1.0
  summary: Submits, leases and settles batch jobs.
  description: |
    docs/http-api.md says the same for people, with examples. The numbers given for sizes and counts are the defaults
    where a setting can change them.
  license:
    name: Apache-2.0
    identifier: Apache-2.0
servers:
  - url: http://127.0.0.1:8080
    description: A coordinator with its defaults
security:
  - token: []
tags:
  - name: jobs
    description: For those who submit jobs and look after them. Role `submit` or `admin`.
  - name: operations
    description: For those who operate queues and fleets.
  - name: process
    description: For load balancers, orchestrators and monitoring.
  - name: workers
    description: For workers. Role `work` or `admin`.
paths:
  /jobs:
    post:
      tags: [jobs]
      operationId: submitJob
      summary: Submit a job
      parameters:
        - name: Idempotency-Key
          in: header
          description: A repeat with the same key and the same content makes no second job.
          schema: { type: string, minLength: 1, maxLength: 255, pattern: '^[\x20-\x7E]+$' }
      requestBody:
        required: true
        content:
          application/json:
            schema: { $ref: '#/components/schemas/Submission' }
            example: { kind: steps, payload: { steps: 100 }, priority: 5, tags: { team: ml } }
      responses:
        '200':
          description: The key has made this job before; the job as it is now.
          headers: { Location: { $ref: '#/components/headers/Location' } }
          content: { application/json: { schema: { $ref: '#/components/schemas/Job' } } }
        '201':
          description: The job, committed.
          headers: { Location: { $ref: '#/components/headers/Location' } }
          content: { application/json: { schema: { $ref: '#/components/schemas/Job' } } }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '409': { $ref: '#/components/responses/Conflict' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
    get:
      tags: [jobs]
      operationId: listJobs
      summary: List jobs, newest first
      parameters:
        - { name: status, in: query, schema: { $ref: '#/components/schemas/JobStatus' } }
        - { name: queue, in: query, schema: { $ref: '#/components/schemas/Name' } }
        - { name: kind, in: query, schema: { $ref: '#/components/schemas/Name' } }
        - name: tags
          in: query
          description: |
            A parameter `tag.NAME` for each tag that must match, such as `tag.team=ml`. (`tags` is this document's name
            for the set; it is not itself a parameter.) Whatever stands there is taken as text.
          style: form
          explode: true
          schema:
            type: object
            patternProperties: { '^tag\..+$': {} }
            additionalProperties: false
        - { name: limit, in: query, schema: { type: integer, minimum: 1, maximum: 1000, default: 50 } }
        - name: cursor
          in: query
          description: The `next_cursor` of an earlier answer.
          schema: { type: string, format: uuid }
      responses:
        '200':
          description: A page.
          content:
            application/json:
              schema:
                type: object
                required: [jobs, next_cursor]
                properties:
                  jobs: { type: array, items: { $ref: '#/components/schemas/Job' } }
                  next_cursor: { type: [string, 'null'], format: uuid, description: Null on the last page. }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /jobs/batch:
    post:
      tags: [jobs]
      operationId: submitJobs
      summary: Submit many jobs, all or none
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [jobs]
              additionalProperties: false
              properties:
                jobs: { type: array, maxItems: 10000, items: { $ref: '#/components/schemas/Submission' } }
      responses:
        '201':
          description: The jobs' ids, in the order of the request.
          content:
            application/json:
              schema:
                type: object
                required: [ids]
                properties: { ids: { type: array, items: { type: string, format: uuid } } }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /jobs/{id}:
    parameters: [{ $ref: '#/components/parameters/JobID' }]
    get:
      tags: [jobs]
      operationId: getJob
      summary: A job
      responses:
        '200': { $ref: '#/components/responses/Job' }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '404': { $ref: '#/components/responses/NotFound' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /jobs/{id}/attempts:
    parameters: [{ $ref: '#/components/parameters/JobID' }]
    get:
      tags: [jobs]
      operationId: listAttempts
      summary: The job's attempts, oldest first
      responses:
        '200':
          description: The whole story of the job.
          content:
            application/json:
              schema:
                type: object
                required: [attempts]
                properties: { attempts: { type: array, items: { $ref: '#/components/schemas/Attempt' } } }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '404': { $ref: '#/components/responses/NotFound' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /jobs/{id}/checkpoint:
    parameters: [{ $ref: '#/components/parameters/JobID' }]
    get:
      tags: [jobs]
      operationId: getJobCheckpoint
      summary: The newest checkpoint's bytes
      responses:
        '200': { $ref: '#/components/responses/Checkpoint' }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '404': { $ref: '#/components/responses/NotFound' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /jobs/{id}/logs:
    parameters: [{ $ref: '#/components/parameters/JobID' }]
    get:
      tags: [jobs]
      operationId: getJobLogs
      summary: What the job wrote
      parameters:
        - name: attempt
          in: query
          description: Only what this attempt wrote.
          schema: { type: integer, minimum: 1, maximum: 2147483647 }
      responses:
        '200':
          description: The newest part of it, up to the size that is kept; empty where there is nothing.
          content: { text/plain: { schema: { type: string } } }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '404': { $ref: '#/components/responses/NotFound' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /jobs/{id}/cancel:
    parameters: [{ $ref: '#/components/parameters/JobID' }]
    post:
      tags: [jobs]
      operationId: cancelJob
      summary: Cancel a job
      description: A processing job stays so until its worker has stopped it, or its lease has expired.
      requestBody: { $ref: '#/components/requestBodies/Nothing' }
      responses:
        '200': { $ref: '#/components/responses/Job' }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '404': { $ref: '#/components/responses/NotFound' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '409': { $ref: '#/components/responses/Conflict' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /jobs/{id}/retry:
    parameters: [{ $ref: '#/components/parameters/JobID' }]
    post:
      tags: [jobs]
      operationId: retryJob
      summary: Queue a failed or cancelled job again, with fresh budgets
      requestBody:
        required: false
        content:
          application/json:
            schema:
              type: object
              additionalProperties: false
              properties: { discard_checkpoint: { type: boolean, default: false } }
      responses:
        '200': { $ref: '#/components/responses/Job' }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '404': { $ref: '#/components/responses/NotFound' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '409': { $ref: '#/components/responses/Conflict' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /queues:
    get:
      tags: [operations]
      operationId: listQueues
      summary: Every queue that has jobs or was ever paused
      description: Role `submit` or `admin`.
      responses:
        '200':
          description: The queues by name.
          content:
            application/json:
              schema:
                type: object
                required: [queues]
                properties: { queues: { type: array, items: { $ref: '#/components/schemas/Queue' } } }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /queues/{name}/pause:
    parameters: [{ $ref: '#/components/parameters/QueueName' }]
    post:
      tags: [operations]
      operationId: pauseQueue
      summary: Lease no more jobs of a queue; what runs, runs on
      description: Role `admin`.
      requestBody: { $ref: '#/components/requestBodies/Nothing' }
      responses:
        '200': { $ref: '#/components/responses/QueueState' }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /queues/{name}/resume:
    parameters: [{ $ref: '#/components/parameters/QueueName' }]
    post:
      tags: [operations]
      operationId: resumeQueue
      summary: Lease the jobs of a queue again
      description: Role `admin`.
      requestBody: { $ref: '#/components/requestBodies/Nothing' }
      responses:
        '200': { $ref: '#/components/responses/QueueState' }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /workers:
    get:
      tags: [operations]
      operationId: listWorkers
      summary: Workers, the newest first
      description: Role `submit` or `admin`.
      responses:
        '200':
          description: Also those that are gone, for a day or as long as finished jobs are kept, whichever is longer.
          content:
            application/json:
              schema:
                type: object
                required: [workers]
                properties: { workers: { type: array, items: { $ref: '#/components/schemas/Worker' } } }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /workers/{id}:
    parameters: [{ $ref: '#/components/parameters/WorkerID' }]
    get:
      tags: [operations]
      operationId: getWorker
      summary: A worker
      description: Role `submit` or `admin`.
      responses:
        '200': { $ref: '#/components/responses/Worker' }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '404': { $ref: '#/components/responses/NotFound' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
    put:
      tags: [workers]
      operationId: registerWorker
      summary: Register, or refresh what is known
      requestBody:
        required: true
        content: { application/json: { schema: { $ref: '#/components/schemas/Registration' } } }
      responses:
        '200':
          description: What the worker is to keep to.
          content:
            application/json:
              schema:
                type: object
                required: [lease_ttl_seconds, heartbeat_seconds]
                properties:
                  lease_ttl_seconds: { type: number, description: How long a lease lasts without renewal. }
                  heartbeat_seconds: { type: number, description: How often to renew. }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /workers/{id}/drain:
    parameters: [{ $ref: '#/components/parameters/WorkerID' }]
    post:
      tags: [operations]
      operationId: drainWorker
      summary: Ask a worker to go
      description: Role `admin`. It is given nothing more at once, and told with its next heartbeat.
      requestBody: { $ref: '#/components/requestBodies/Nothing' }
      responses:
        '200': { $ref: '#/components/responses/Worker' }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '404': { $ref: '#/components/responses/NotFound' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /workers/{id}/heartbeat:
    parameters: [{ $ref: '#/components/parameters/WorkerID' }]
    post:
      tags: [workers]
      operationId: heartbeat
      summary: Renew leases, report progress, be told what to stop
      requestBody:
        required: true
        content: { application/json: { schema: { $ref: '#/components/schemas/Heartbeat' } } }
      responses:
        '200':
          description: The leases in the order of the request.
          content:
            application/json:
              schema:
                type: object
                required: [drain, leases]
                properties:
                  drain: { type: boolean, description: Whether the worker is to go. }
                  leases:
                    type: array
                    items:
                      type: object
                      required: [lease_id, status]
                      properties:
                        lease_id: { type: string, format: uuid }
                        status: { type: string, enum: [held, cancel, lost] }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /leases:
    post:
      tags: [workers]
      operationId: lease
      summary: Ask for work, and wait for it if there is none
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [worker_id]
              properties:
                worker_id: { $ref: '#/components/schemas/Name' }
                max: { type: integer, minimum: 1, maximum: 1000, default: 1 }
                queues:
                  { type: array, minItems: 1, maxItems: 256, items: { $ref: '#/components/schemas/Name' }, default: [default] }
                kinds:
                  type: [array, 'null']
                  maxItems: 256
                  items: { $ref: '#/components/schemas/Name' }
                  description: All kinds if absent, null or empty.
                wait_seconds: { type: number, minimum: 0, maximum: 60, default: 0 }
      responses:
        '200':
          description: Leases, best job first; none when the time has passed or this coordinator begins to drain.
          content:
            application/json:
              schema:
                type: object
                required: [leases]
                properties: { leases: { type: array, items: { $ref: '#/components/schemas/Lease' } } }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '409':
          description: The worker is draining (`worker_draining`).
          content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /leases/settle:
    post:
      tags: [workers]
      operationId: settle
      summary: Say how attempts ended
      description: Repeating a settlement is safe.
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              required: [results]
              properties:
                results: { type: array, maxItems: 10000, items: { $ref: '#/components/schemas/Settlement' } }
      responses:
        '200':
          description: What became of each, in the order of the request.
          content:
            application/json:
              schema:
                type: object
                required: [results]
                properties:
                  results:
                    type: array
                    items:
                      type: object
                      required: [lease_id, status]
                      properties:
                        lease_id: { type: string, format: uuid }
                        status: { type: string, enum: [accepted, lost] }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /leases/{lease_id}/checkpoint:
    parameters: [{ $ref: '#/components/parameters/LeaseID' }]
    get:
      tags: [workers]
      operationId: getCheckpoint
      summary: What this attempt starts from, or has saved since
      responses:
        '200': { $ref: '#/components/responses/Checkpoint' }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '404': { $ref: '#/components/responses/NotFound' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '409': { $ref: '#/components/responses/LeaseLost' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
    put:
      tags: [workers]
      operationId: saveCheckpoint
      summary: Replace the job's checkpoint
      requestBody:
        required: false
        description: |
          Any bytes, up to `MAX_CHECKPOINT_BYTES`. The content type (at most 256 printable ASCII characters) is kept;
          without one it is `application/octet-stream`.
        content: { '*/*': { schema: {} } }
      responses:
        '200':
          description: Saved; the next attempt starts from it, or from a newer one.
          content:
            application/json:
              schema:
                type: object
                required: [sequence]
                properties: { sequence: { type: integer, minimum: 1 } }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '409': { $ref: '#/components/responses/LeaseLost' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /leases/{lease_id}/logs:
    parameters: [{ $ref: '#/components/parameters/LeaseID' }]
    post:
      tags: [workers]
      operationId: appendLog
      summary: Append to the job's log
      requestBody:
        required: false
        description: UTF-8 text without U+0000, at most 1 MiB (or `MAX_LOG_BYTES`, if that is less).
        content: { text/plain: { schema: { type: string } } }
      responses:
        '204': { description: Appended. }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '409': { $ref: '#/components/responses/LeaseLost' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /stats:
    get:
      tags: [operations]
      operationId: getStatistics
      summary: Counts of jobs and workers
      description: Role `submit` or `admin`. An answer is shared for ten times as long as the counting took.
      responses:
        '200':
          description: The counts.
          content:
            application/json:
              schema:
                type: object
                required: [jobs, workers]
                properties:
                  jobs: { $ref: '#/components/schemas/StatusCounts' }
                  workers:
                    type: object
                    required: [active, draining, gone]
                    properties:
                      active: { type: integer }
                      draining: { type: integer }
                      gone: { type: integer }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '500': { $ref: '#/components/responses/InternalError' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /health:
    get:
      tags: [process]
      operationId: getHealth
      summary: Whether the process lives
      security: []
      responses:
        '200':
          description: It does.
          content:
            application/json:
              schema: { $ref: '#/components/schemas/ProcessStatus' }
              example: { status: ok }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
  /ready:
    get:
      tags: [process]
      operationId: getReadiness
      summary: Whether it can lease
      security: []
      responses:
        '200':
          description: It can.
          content:
            application/json:
              schema: { $ref: '#/components/schemas/ProcessStatus' }
              example: { status: ready }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /metrics:
    get:
      tags: [process]
      operationId: getMetrics
      summary: Prometheus metrics
      description: Asks for a token, of any role, only with `METRICS_NEED_TOKEN=true`.
      security: [{}, { token: [] }]
      responses:
        '200':
          description: Text format 0.0.4.
          content: { text/plain: { schema: { type: string } } }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /openapi.yaml:
    get:
      tags: [process]
      operationId: getDescription
      summary: This document
      security: []
      responses:
        '200':
          description: As it was when the coordinator was built.
          content: { application/yaml: { schema: { type: string } } }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
  /drain:
    post:
      tags: [process]
      operationId: drain
      summary: Give out no more leases and say so at /ready
      description: Role `admin`.
      requestBody: { $ref: '#/components/requestBodies/Nothing' }
      responses:
        '202':
          description: It drains from now on.
          content:
            application/json:
              schema: { $ref: '#/components/schemas/ProcessStatus' }
              example: { status: draining }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '503': { $ref: '#/components/responses/Unavailable' }
  /shutdown:
    post:
      tags: [process]
      operationId: shutdown
      summary: End the process at once, for tests
      description: Role `admin`. Turned off by `ALLOW_SIMULATE_INTERRUPTION=false` (403).
      requestBody: { $ref: '#/components/requestBodies/Nothing' }
      responses:
        '202':
          description: It ends; the connection may be cut before this is read.
          content:
            application/json:
              schema: { $ref: '#/components/schemas/ProcessStatus' }
              example: { status: stopping }
        '400': { $ref: '#/components/responses/InvalidRequest' }
        '401': { $ref: '#/components/responses/Unauthorized' }
        '403': { $ref: '#/components/responses/Forbidden' }
        '408': { $ref: '#/components/responses/TooSlow' }
        '413': { $ref: '#/components/responses/TooLarge' }
        '414': { $ref: '#/components/responses/URITooLong' }
        '431': { $ref: '#/components/responses/HeaderTooLarge' }
        '503': { $ref: '#/components/responses/Unavailable' }
components:
  securitySchemes:
    token:
      type: http
      scheme: bearer
      description: Asked for only where `TOKENS_FILE` is set.
  headers:
    Location:
      description: The job's path.
      schema: { type: string, format: uri-reference }
    RetryAfter:
      description: Seconds to wait before the next try.
      schema: { type: integer }
  parameters:
    JobID:
      name: id
      in: path
      required: true
      description: What is no UUID is no job's id, so the answer is 404.
      schema: { type: string, format: uuid }
    LeaseID:
      name: lease_id
      in: path
      required: true
      description: The fence. What is no UUID is no lease in force, so the answer is 409 `lease_lost`.
      schema: { type: string, format: uuid }
    WorkerID:
      name: id
      in: path
      required: true
      schema: { $ref: '#/components/schemas/Name' }
    QueueName:
      name: name
      in: path
      required: true
      schema: { $ref: '#/components/schemas/Name' }
  requestBodies:
    Nothing:
      required: false
      description: Nothing, or an object without fields.
      content: { application/json: { schema: { type: object, additionalProperties: false } } }
  responses:
    Job:
      description: The job.
      content: { application/json: { schema: { $ref: '#/components/schemas/Job' } } }
    Worker:
      description: The worker.
      content: { application/json: { schema: { $ref: '#/components/schemas/Worker' } } }
    QueueState:
      description: The queue as it is now.
      content:
        application/json:
          schema:
            type: object
            required: [name, paused]
            properties:
              name: { $ref: '#/components/schemas/Name' }
              paused: { type: boolean }
    Checkpoint:
      description: The bytes, with the content type that they were saved with.
      headers:
        Baton-Checkpoint-Sequence: { required: true, schema: { type: integer, minimum: 1 } }
      content: { '*/*': { schema: {} } }
    InvalidRequest:
      description: '`invalid_request`: `detail` names the field and says what was expected.'
      content:
        application/problem+json:
          schema: { $ref: '#/components/schemas/Problem' }
          example:
            status: 400
            title: Invalid request
            detail: "'priority' must be an integer from -100 to 100"
            code: invalid_request
    Unauthorized:
      description: '`unauthorized`: no token, or an unknown one.'
      headers:
        WWW-Authenticate: { schema: { type: string, const: Bearer } }
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
    Forbidden:
      description: '`forbidden`: the token has another role, or the route is turned off.'
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
    NotFound:
      description: '`not_found`.'
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
    Conflict:
      description: '`conflict`: the job''s status does not allow it, or the key was used for another submission.'
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
    LeaseLost:
      description: '`lease_lost`: the lease is not in force; stop working on the job.'
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
    TooLarge:
      description: '`payload_too_large`: `detail` names the limit.'
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
    InternalError:
      description: '`internal_error`: the coordinator''s log has the reason.'
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
    TooSlow:
      description: '`invalid_request`: the header or the body took too long to arrive. The connection ends.'
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
    URITooLong:
      description: '`invalid_request`: the path and query are longer than `MAX_URL_BYTES`.'
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
    HeaderTooLarge:
      description: '`invalid_request`: the header fields together are larger than `MAX_HEADER_BYTES`.'
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
    Unavailable:
      description: '`database_unavailable`, `draining`, or `overloaded`: there is too much to do at once.'
      headers: { Retry-After: { $ref: '#/components/headers/RetryAfter' } }
      content: { application/problem+json: { schema: { $ref: '#/components/schemas/Problem' } } }
  schemas:
    Name:
      type: string
      pattern: '^[A-Za-z0-9_][A-Za-z0-9._:-]{0,127}$'
    JobStatus:
      type: string
      enum: [queued, processing, done, failed, cancelled]
    Placement:
      type: string
      enum: [any, spot, on_demand]
    OnInterruption:
      type: string
      enum: [auto, finish, checkpoint, release]
    CapacityType:
      type: string
      enum: [spot, on_demand, unknown]
    Submission:
      type: object
      required: [kind]
      additionalProperties: false
      not: { required: [run_at, delay_seconds], properties: { run_at: { type: string }, delay_seconds: { type: number } } }
      properties:
        kind: { $ref: '#/components/schemas/Name' }
        payload:
          description: Any JSON without U+0000 and lone surrogates, up to `MAX_PAYLOAD_BYTES`.
          default: {}
        queue: { $ref: '#/components/schemas/Name', default: default }
        priority: { type: integer, minimum: -100, maximum: 100, default: 0 }
        run_at: { type: [string, 'null'], format: date-time, description: Not before. Goes without `delay_seconds`. }
        delay_seconds: { type: [number, 'null'], minimum: 0, maximum: 315360000 }
        max_attempts: { type: integer, minimum: 1, maximum: 1000000, default: 5 }
        max_losses: { type: integer, minimum: 1, maximum: 1000000, default: 5 }
        timeout_seconds: { type: [number, 'null'], exclusiveMinimum: 0, maximum: 31536000 }
        placement: { $ref: '#/components/schemas/Placement', default: any }
        on_interruption: { $ref: '#/components/schemas/OnInterruption', default: auto }
        tags: { $ref: '#/components/schemas/Tags', default: {} }
    Tags:
      type: object
      maxProperties: 64
      propertyNames: { minLength: 1, maxLength: 128 }
      additionalProperties: { type: string, maxLength: 1024 }
    Job:
      type: object
      required: [id, queue, kind, status, payload, priority, placement, on_interruption, tags, attempt, max_attempts,
        failures, interruptions, losses, max_losses, timeout_seconds, progress, checkpoint, result, error, worker_id,
        run_at, created_at, started_at, finished_at]
      properties:
        id: { type: string, format: uuid, description: Version 7. }
        queue: { $ref: '#/components/schemas/Name' }
        kind: { $ref: '#/components/schemas/Name' }
        status: { $ref: '#/components/schemas/JobStatus' }
        payload: { description: As it was submitted. }
        priority: { type: integer }
        placement: { $ref: '#/components/schemas/Placement' }
        on_interruption: { $ref: '#/components/schemas/OnInterruption' }
        tags: { $ref: '#/components/schemas/Tags' }
        attempt: { type: integer, description: Number of the latest attempt; 0 before the first. }
        max_attempts: { type: integer }
        failures: { type: integer }
        interruptions: { type: integer }
        losses: { type: integer }
        max_losses: { type: integer }
        timeout_seconds: { type: [number, 'null'] }
        progress:
          description: Of the latest attempt, as of its last heartbeat; once it is done, a fraction is 1 and a message is gone.
          oneOf: [{ $ref: '#/components/schemas/Progress' }, { type: 'null' }]
        checkpoint:
          oneOf:
            - type: object
              required: [sequence, size_bytes, content_type, saved_at]
              properties:
                sequence: { type: integer }
                size_bytes: { type: integer }
                content_type: { type: string }
                saved_at: { type: string, format: date-time }
            - type: 'null'
        result: { description: 'Any JSON; null until the job is done, or if it has no result.' }
        error:
          description: Of the latest failure.
          oneOf: [{ $ref: '#/components/schemas/Failure' }, { type: 'null' }]
        worker_id: { type: [string, 'null'], description: 'Who holds it, or had it last.' }
        run_at: { type: string, format: date-time }
        created_at: { type: string, format: date-time }
        started_at: { type: [string, 'null'], format: date-time }
        finished_at: { type: [string, 'null'], format: date-time }
    Failure:
      type: object
      required: [code, message]
      properties:
        code: { type: string }
        message: { type: string }
    FailureReport:
      type: object
      properties:
        code: { type: string, default: failed, description: 'Cut at 128 bytes.' }
        message: { type: string, default: '', description: 'Cut at 16 KiB.' }
    Progress:
      type: object
      properties:
        fraction: { type: [number, 'null'], description: Brought into 0…1. }
        message: { type: [string, 'null'], description: 'Cut at 1,024 bytes.' }
    Attempt:
      type: object
      required: [attempt, lease_id, worker_id, capacity_type, outcome, reason, started_at, ended_at, checkpoint_sequence]
      properties:
        attempt: { type: integer }
        lease_id: { type: string, format: uuid }
        worker_id: { type: string }
        capacity_type: { $ref: '#/components/schemas/CapacityType' }
        outcome:
          type: [string, 'null']
          enum: [done, failed, released, interrupted, lost, cancelled, timed_out, null]
          description: Null while it runs.
        reason: { type: [string, 'null'] }
        started_at: { type: string, format: date-time }
        ended_at: { type: [string, 'null'], format: date-time }
        checkpoint_sequence:
          type: [integer, 'null']
          description: The newest checkpoint it saved or, having saved none, the one it started from.
    StatusCounts:
      type: object
      required: [queued, processing, done, failed, cancelled]
      properties:
        queued: { type: integer }
        processing: { type: integer }
        done: { type: integer }
        failed: { type: integer }
        cancelled: { type: integer }
    Queue:
      type: object
      required: [name, paused, jobs, oldest_queued_seconds]
      properties:
        name: { type: string }
        paused: { type: boolean }
        jobs: { $ref: '#/components/schemas/StatusCounts' }
        oldest_queued_seconds: { type: [number, 'null'], description: How long the job that waits longest has been ready. }
    Registration:
      type: object
      description: Unknown fields are passed over.
      properties:
        hostname: { type: [string, 'null'], maxLength: 256 }
        instance_id: { type: [string, 'null'], maxLength: 256 }
        instance_type: { type: [string, 'null'], maxLength: 256 }
        availability_zone: { type: [string, 'null'], maxLength: 256 }
        capacity_type: { $ref: '#/components/schemas/CapacityType', default: unknown }
        provider: { type: [string, 'null'], maxLength: 256 }
        queues: { type: array, maxItems: 256, items: { $ref: '#/components/schemas/Name' }, default: [default] }
        kinds: { type: [array, 'null'], maxItems: 256, items: { $ref: '#/components/schemas/Name' } }
        slots: { type: integer, minimum: 1, maximum: 100000, default: 1 }
        version: { type: [string, 'null'], maxLength: 256 }
    Worker:
      type: object
      required: [id, hostname, instance_id, instance_type, availability_zone, capacity_type, provider, queues, kinds,
        version, state, slots, leases, last_heartbeat_at, registered_at, interruption]
      properties:
        id: { type: string }
        hostname: { type: [string, 'null'] }
        instance_id: { type: [string, 'null'] }
        instance_type: { type: [string, 'null'] }
        availability_zone: { type: [string, 'null'] }
        capacity_type: { $ref: '#/components/schemas/CapacityType' }
        provider: { type: [string, 'null'] }
        queues: { type: array, items: { type: string } }
        kinds: { type: array, items: { type: string } }
        version: { type: [string, 'null'] }
        state: { type: string, enum: [active, draining, gone] }
        slots: { type: integer }
        leases: { type: integer, description: Held at this moment. }
        last_heartbeat_at: { type: string, format: date-time }
        registered_at: { type: string, format: date-time }
        interruption:
          oneOf: [{ $ref: '#/components/schemas/Interruption' }, { type: 'null' }]
    Interruption:
      type: object
      properties:
        source: { type: string, maxLength: 64, examples: [ec2_spot, sigterm, operator, simulated] }
        action: { type: string, maxLength: 64, examples: [terminate, stop, hibernate, drain] }
        seconds_left: { type: [number, 'null'] }
    Heartbeat:
      type: object
      description: Unknown fields are passed over.
      properties:
        state: { type: string, enum: [active, draining, gone], default: active }
        interruption:
          oneOf: [{ $ref: '#/components/schemas/Interruption' }, { type: 'null' }]
        leases:
          type: array
          maxItems: 100000
          items:
            type: object
            required: [lease_id]
            properties:
              lease_id: { type: string, format: uuid }
              progress:
                oneOf: [{ $ref: '#/components/schemas/Progress' }, { type: 'null' }]
    Lease:
      type: object
      required: [lease_id, job_id, queue, kind, payload, attempt, interruptions, lease_ttl_seconds, timeout_seconds,
        on_interruption, checkpoint]
      properties:
        lease_id: { type: string, format: uuid }
        job_id: { type: string, format: uuid }
        queue: { type: string }
        kind: { type: string }
        payload: {}
        attempt: { type: integer, minimum: 1 }
        interruptions: { type: integer }
        lease_ttl_seconds: { type: number }
        timeout_seconds: { type: [number, 'null'] }
        on_interruption: { $ref: '#/components/schemas/OnInterruption' }
        checkpoint:
          oneOf:
            - type: object
              required: [sequence, size_bytes, content_type]
              properties:
                sequence: { type: integer }
                size_bytes: { type: integer }
                content_type: { type: string }
            - type: 'null'
    Settlement:
      type: object
      description: Unknown fields are passed over.
      required: [lease_id, outcome]
      properties:
        lease_id: { type: string, format: uuid }
        outcome: { type: string, enum: [done, failed, released, interrupted, cancelled, timed_out] }
        result: { description: 'With `done`: any JSON, up to `MAX_PAYLOAD_BYTES`.' }
        error:
          description: With `failed` and `timed_out`.
          oneOf: [{ $ref: '#/components/schemas/FailureReport' }, { type: 'null' }]
        retryable: { type: [boolean, 'null'], default: true }
        reason: { type: [string, 'null'], description: 'Cut at 1,024 bytes.' }
        delay_seconds:
          type: [number, 'null']
          minimum: 0
          maximum: 315360000
          description: With `failed`, `timed_out` and `released`.
    ProcessStatus:
      type: object
      required: [status]
      properties: { status: { type: string } }
    Problem:
      description: RFC 9457.
      type: object
      required: [status, title, detail, code]
      properties:
        status: { type: integer }
        title: { type: string }
        detail: { type: string }
        code:
          type: string
          enum: [invalid_request, unauthorized, forbidden, not_found, method_not_allowed, conflict, lease_lost,
            worker_draining, payload_too_large, draining, database_unavailable,
            overloaded, internal_error]

"""#
}
