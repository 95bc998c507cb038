# Sulcus in one image: the web server, the worker and the beat differ only in their command.
#
# requirements.txt pins torch==2.13.0. From the default index pip takes the CUDA build of it: it
# works here too, but brings several gigabytes that a machine without a GPU never uses. For the
# CPU build give pip the address of an index of CPU wheels (the PyTorch installation page names
# it); its 2.13.0+cpu fulfils the same pin and is preferred:
#
#   docker compose build --build-arg PIP_EXTRA_ARGS="--extra-index-url https://..."
#
# or set PIP_EXTRA_ARGS in .env. It stays in the build stage; put no password into it.

FROM node:22-slim AS frontend
WORKDIR /build
COPY frontend/package.json frontend/package-lock.json ./
# Not `npm ci`: it refuses the lock file, which leaves out rollup's packages for other platforms.
# The versions and hashes that the lock file does name hold here too.
RUN npm install --no-save --no-audit --no-fund
COPY frontend/ ./
RUN npm run build


FROM python:3.11-slim AS packages
ARG PIP_EXTRA_ARGS=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements.txt /tmp/requirements.txt
# Unquoted on purpose: PIP_EXTRA_ARGS holds several words, or none.
RUN /opt/venv/bin/pip install $PIP_EXTRA_ARGS -r /tmp/requirements.txt


FROM python:3.11-slim AS final
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=clinic.settings.production \
    SULCUS_VAR=/var/lib/sulcus \
    HOME=/tmp

# A fixed number, so that the owner of the volumes is the same after every build.
RUN groupadd --gid 10001 sulcus \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin sulcus \
    && install -d -o 10001 -g 10001 -m 0750 \
        /var/lib/sulcus /var/lib/sulcus/media /var/lib/sulcus/incoming

COPY --from=packages /opt/venv /opt/venv
WORKDIR /srv/sulcus
COPY manage.py LICENSE ./
COPY clinic/ clinic/
COPY patients/ patients/
COPY segmentation/ segmentation/
COPY ml/ ml/
COPY frontend/templates/ frontend/templates/
COPY --from=frontend /build/dist/ frontend/dist/
COPY deploy/healthcheck.py deploy/healthcheck.py

USER 10001:10001
# The settings do not start without these four; the values are for this line alone and no server
# is asked. The static files stay in the image, beside the volumes and not in them, so that an
# update brings its own.
RUN SECRET_KEY=only-to-collect-static-files ALLOWED_HOSTS=localhost \
    DATABASE_URL=postgres://nobody@localhost/none REDIS_URL=redis://localhost/0 \
    python manage.py collectstatic --noinput --verbosity 0

EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=6s --start-period=60s --retries=4 \
    CMD ["python", "deploy/healthcheck.py", "web"]
# /dev/shm: gunicorn's heartbeat must not wait for a disk. No access log here: the proxy keeps one,
# without the one-time links and the searches for names that addresses hold.
CMD ["gunicorn", "clinic.wsgi:application", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "8", "--timeout", "120", "--graceful-timeout", "30", \
     "--worker-tmp-dir", "/dev/shm"]
