//! What the listener calls: the routes, and before them the streaming form of passthrough, which is no route among others
//! since a router and its layers would be most of its cost.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use tower::Service;

use super::api::{is_streamed, stream};
use super::router;
use crate::app::App;

#[derive(Clone)]
pub struct Front {
    app: App,
    routes: Router,
}

impl Front {
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), routes: router(app) }
    }
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if is_streamed(request.uri().path()) {
            let app = self.app.clone();
            return Box::pin(async move { Ok(stream(&app, request).await) });
        }
        Box::pin(self.routes.call(request))
    }
}
