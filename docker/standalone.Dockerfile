# fer_ros without ROS 2: the node, and fer-ros read for files; see docs/container.md.
#
#     docker build --file docker/standalone.Dockerfile --tag fer-ros .
#     docker run --rm --network host fer-ros run
#     docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/data" fer-ros read talk.mp4 --out talk.csv
#
# Never built.
FROM python:3.12-slim

ENV PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
COPY . /src
# hadolint ignore=DL3013
RUN pip install "/src[dds,zenoh,web,video]" pyarrow && rm -rf /src

RUN useradd --create-home robot
USER robot
WORKDIR /data
ENTRYPOINT ["fer-ros"]
CMD ["run"]
