"""Everything that lives as long as the server: projects, the list, the queue, its worker, and who listens."""

from functools import partial

from phonofilm.media.files import make_folder
from phonofilm.web.config import StudioConfig
from phonofilm.web.events import Bus, Message
from phonofilm.web.films import Films, Loader, load_film
from phonofilm.web.jobs import SPOT, JobBook
from phonofilm.web.problems import ProblemError
from phonofilm.web.projects import Projects
from phonofilm.web.store import Store
from phonofilm.web.views import project_view, summary_view
from phonofilm.web.work import Maker
from phonofilm.web.worker import Worker

STOPPING_S = 3.0
"""How long a running job is waited for when the server stops; it is queued again all the same."""


class Studio:
    """Opened when the server is made; works from `start` to `stop`. Raises OptionError, OutputError."""

    def __init__(self, config: StudioConfig, load: Loader = load_film) -> None:
        self.config = config
        make_folder(config.folder)
        self.store = Store(config.folder / "studio.db")
        self.projects = Projects(config.folder / "projects")
        self.projects.tidy()
        self.bus = Bus()
        # Whoever brings a loader of their own knows where its weights lie.
        own = partial(load_film, weights_dir=config.weights_dir) if load is load_film else load
        self.films = Films(config.device, own)
        self.store.replace_projects(summary_view(project) for project in self.projects.all())
        self.store.forget_old_jobs()
        self.jobs = JobBook(self.store, self.projects, self.bus, config.most_waiting)
        self.worker = Worker(self.jobs, Maker(self.projects, self.films, self.changed), self._prepare)

    def start(self) -> None:
        """Begin with the jobs; what was never looked at is looked at."""
        looked_at = {job["project"] for job in self.jobs.active() if job["kind"] == SPOT}
        for project in self.projects.all():
            if project.seen() is None and project.id not in looked_at:
                self.jobs.submit(project.id, SPOT, {})
        self.worker.start()

    def stop(self) -> bool:
        """End the streams and the running job; False when the worker is still busy."""
        self.bus.close()
        ended = self.worker.stop(STOPPING_S)
        if ended:
            self.store.close()
        return ended

    def changed(self, project_id: str) -> None:
        """Tell of a project whose takes, cues or names have changed."""
        try:
            project = self.projects.get(project_id)
            self.store.put_project(summary_view(project))
            view = project_view(project, self.jobs.of_project(project_id))
        except ProblemError:  # it was deleted in the meantime
            return
        self.bus.publish(Message("project", view))

    def delete(self, project_id: str) -> None:
        """Raises ProblemError when there is none."""
        project = self.projects.get(project_id)
        self.jobs.cancel_all_of(project_id)
        self.projects.delete(project)
        self.store.drop_project(project_id)

    def _prepare(self) -> None:
        self.films.spotter()
        self.films.get(self.config.model)
